# Diagnostics in R metafor 3.8-1 and base R: Rscript diagnostics.R writes diagnostics_r.csv (dataset,what,label,name,value).
suppressMessages({library(metafor); library(metadat)})
d <- read.csv("pairwise_inputs.csv"); out <- NULL
add <- function(dataset, what, label, ...) { v <- c(...); out <<- rbind(out, data.frame(dataset, what, label, name = names(v), value = sprintf("%.15g", v))) }
ctrl <- list(threshold = 1e-13, maxiter = 1e5)
for (n in c("bcg", "nielweise2007", "sim_k12_tau")) { x <- subset(d, dataset == n)
  e <- suppressWarnings(escalc("OR", ai = e1, n1i = n1, ci = e2, n2i = n2, data = x, drop00 = TRUE)); e <- e[!is.na(e$yi), ]
  f <- rma(yi, vi, data = e, control = ctrl); i <- influence(f)$inf; l <- leave1out(f)
  for (j in seq_len(nrow(e))) {
    add(n, "influence", j, rstudent = i$rstudent[j], dffits = i$dffits[j], cook = i$cook.d[j], hat = i$hat[j], tau2_without = i$tau2.del[j], q_without = i$QE.del[j])
    add(n, "leave1out", j, theta = l$estimate[j], se = l$se[j], tau2 = l$tau2[j]) }
  y <- subset(x, e1 + e2 > 0); e0 <- suppressWarnings(escalc("OR", ai = e1, n1i = n1, ci = e2, n2i = n2, data = y))
  N <- y$n1 + y$n2; E <- y$e1 + y$e2
  s <- summary(lm(e0$yi ~ I(1 / N), weights = 1 / (1 / E + 1 / (N - E))))$coefficients
  add(n, "peters", 1, coefficient = s[2, 1], se = s[2, 2], t = s[2, 3], p = s[2, 4])
  y[c("e1", "n1", "e2", "n2")] <- lapply(y[c("e1", "n1", "e2", "n2")], as.numeric); N <- as.numeric(N); E <- as.numeric(E)
  Z <- y$e1 - E * y$n1 / N; V <- y$n1 * y$n2 * E * (N - E) / (N^2 * (N - 1))
  s <- summary(lm(I(Z / sqrt(V)) ~ sqrt(V)))$coefficients
  add(n, "harbord", 1, coefficient = s[1, 1], se = s[1, 2], t = s[1, 3], p = s[1, 4])
}
x <- subset(d, dataset == "bcg"); x$ablat <- dat.colditz1994$ablat
e <- escalc("OR", ai = e1, n1i = n1, ci = e2, n2i = n2, data = x)
for (t in c("z", "knha")) { f <- rma(yi, vi, mods = ~ ablat, data = e, test = t, control = ctrl)
  for (j in 1:2) add("bcg", paste0("regression-", t), j, coefficient = c(f$beta)[j], se = f$se[j], p = f$pval[j], ci_low = f$ci.lb[j], ci_high = f$ci.ub[j])
  add("bcg", paste0("regression-", t), 3, tau2 = f$tau2, qm = f$QM, qm_p = f$QMp, qe = f$QE) }
# cumulative: one more study at a time, by latitude
for (m in c("mh", "iv-reml")) for (k in 2:13) { z <- e[order(x$ablat), ][1:k, ]
  g <- if (m == "mh") rma.mh(measure = "OR", ai = e1, n1i = n1, ci = e2, n2i = n2, data = z) else rma(yi, vi, data = z, control = ctrl)
  add("bcg", paste0("cumulative-", m), k, theta = unname(g$beta[1]), se = g$se) }
# subgroups: Cochran's Q between the pooled estimates of the three ways of allocation
g <- sapply(split(e, dat.colditz1994$alloc), function(z) { f <- rma(yi, vi, data = z, control = ctrl); c(f$beta[1], f$se) })
f <- rma(g[1, ], sei = g[2, ], method = "EE"); add("bcg", "subgroup-test", 1, q_between = f$QE, q_between_p = f$QEp)
for (g in split(e, dat.colditz1994$alloc)) { f <- rma(yi, vi, data = g, control = ctrl); add("bcg", "subgroup", nrow(g), theta = c(f$beta), se = f$se) }
write.csv(out, "diagnostics_r.csv", row.names = FALSE, quote = FALSE)
writeLines(c("ablat,alloc", paste(dat.colditz1994$ablat, dat.colditz1994$alloc, sep = ",")), "bcg_moderators.csv")
