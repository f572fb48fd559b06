# The exact models in R metafor 3.8-1 (lme4 with 25 quadrature points): Rscript exact.R writes exact_r.csv.
# lme4's optimiser stops at about 1e-5; log-likelihoods with nAGQ > 1 lack constants and are not written.
suppressMessages({library(metafor)})
d <- read.csv("pairwise_inputs.csv"); rows <- NULL
for (task in list(c("nielweise2007", "OR", "UM.FS"), c("nielweise2007", "OR", "CM.AL"), c("bcg", "OR", "UM.FS"), c("li2007", "OR", "UM.FS"),
                  c("nielweise2008", "IRR", "UM.FS"), c("nielweise2008", "IRR", "CM.EL"), c("sim_k12_tau", "OR", "UM.FS"), c("sim_k12_tau", "OR", "CM.AL"))) {
  x <- subset(d, dataset == task[1])
  a <- if (task[2] == "OR") list(ai = x$e1, n1i = x$n1, ci = x$e2, n2i = x$n2) else list(x1i = x$e1, t1i = x$t1, x2i = x$e2, t2i = x$t2)
  f <- suppressWarnings(do.call(rma.glmm, c(a, measure = task[2], model = task[3], nAGQ = 25)))
  rows <- rbind(rows, data.frame(dataset = task[1], measure = task[2], method = tolower(task[3]), theta = c(f$beta), se = f$se, tau2 = f$tau2))
}
num <- sapply(rows, is.numeric); rows[num] <- lapply(rows[num], sprintf, fmt = "%.10g")
write.csv(rows, "exact_r.csv", row.names = FALSE, quote = FALSE)
