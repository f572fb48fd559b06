# Reference results for the pairwise estimators: Rscript pairwise.R (in this folder).
# Writes pairwise_inputs.csv (dataset,study,e1,n1,t1,e2,n2,t2; 1 = treatment, 2 = reference) and
# pairwise_r.csv (one row a dataset, measure and method), iterated to convergence.
suppressMessages({library(metafor); library(metadat)})
options(digits = 17)
two <- function(name, study, e1, n1, e2, n2, t1 = NA, t2 = NA)
  data.frame(dataset = name, study = paste0(seq_along(e1), " ", study), e1, n1, t1, e2, n2, t2)
whole <- function(d) d[complete.cases(d[, c("e1", "e2")]), ]
L <- list()
for (n in c("nielweise2007", "li2007", "egger2001", "hahn2001", "lee2004", "hine1989")) {
  d <- get(paste0("dat.", n)); L[[n]] <- two(n, if (is.null(d$study)) "" else d$study, d$ai, d$n1i, d$ci, d$n2i)
}
d <- dat.colditz1994; L$bcg <- two("bcg", d$author, d$tpos, d$tpos + d$tneg, d$cpos, d$cpos + d$cneg)
for (tab in c("6", "11")) { d <- subset(dat.yusuf1985, table == tab)
  n <- paste0("yusuf1985_t", tab); L[[n]] <- two(n, d$trial, d$ai, d$n1i, d$ci, d$n2i) }
d <- dat.collins1985b
L$collins1985b_stillb <- whole(two("collins1985b_stillb", d$author, d$stb.xti, d$fup.nti, d$stb.xci, d$fup.nci))
L$collins1985b_pre <- whole(two("collins1985b_pre", d$author, d$pre.xti, d$pre.nti, d$pre.xci, d$pre.nci))
d <- dat.collins1985a
L$collins1985a_deaths <- whole(two("collins1985a_deaths", d$trial, d$d.xti, d$nti, d$d.xci, d$nci))
d <- dat.hart1999; L$hart1999 <- two("hart1999", d$trial, d$x1i, d$n1i, d$x2i, d$n2i, d$t1i, d$t2i)
d <- dat.nielweise2008; L$nielweise2008 <- two("nielweise2008", d$authors, d$x1i, NA, d$x2i, NA, d$t1i, d$t2i)
d <- subset(dat.bourassa1996, sex == "combined")  # left-eyed among the left-handed and the right-handed
L$bourassa1996 <- two("bourassa1996", d$author, d$lh.le, d$lh.le + d$lh.re, d$rh.le, d$rh.le + d$rh.re)
# pairs of one treatment and the reference out of networks, from one row an arm
pair <- function(name, study, treatment, events, n, one, two_) {
  at <- function(t) match(unique(study), ifelse(treatment == t, study, NA)); i <- at(one); j <- at(two_); k <- !is.na(i + j)
  two(name, unique(study)[k], events[i[k]], n[i[k]], events[j[k]], n[j[k]]) }
d <- dat.hasselblad1998
L$hasselblad1998_ind <- pair("hasselblad1998_ind", d$study, d$trt, d$xi, d$ni, "ind_counseling", "no_contact")
d <- dat.dong2013; L$dong2013_tio <- pair("dong2013_tio", d$id, d$treatment, d$death, d$randomized, "TIO-HH", "Placebo")
L$dong2013_ics <- pair("dong2013_ics", d$id, d$treatment, d$death, d$randomized, "ICS", "Placebo")
d <- dat.woods2010; L$woods2010_salm <- pair("woods2010_salm", d$author, d$treatment, d$r, d$N, "Salmeterol", "Placebo")
d <- dat.linde2015; d <- data.frame(id = rep(d$id, 3), treatment = c(d$treatment1, d$treatment2, d$treatment3),
  resp = c(d$resp1, d$resp2, d$resp3), n = c(d$n1, d$n2, d$n3)); d <- d[!is.na(d$resp), ]
L$linde2015_ssri <- pair("linde2015_ssri", d$id, d$treatment, d$resp, d$n, "SSRI", "Placebo")
# Nissen & Wolski 2007 (N Engl J Med 356:2457, table 3): rosiglitazone v control
d <- read.csv("nissen2007.csv")
L$nissen2007_mi <- two("nissen2007_mi", d$study, d$mi1, d$n1, d$mi2, d$n2)
L$nissen2007_cv <- two("nissen2007_cv", d$study, d$cv1, d$n1, d$cv2, d$n2)
# metafor issue 45 (github.com/wviechtb/metafor/issues/45): the exact conditional model gave a standard error of 0.0001
L$metafor45 <- two("metafor45", "", c(1, 1, 14, 1, 5, 8, 7, 8, 4, 5), c(407, 414, 1197, 989, 139, 136, 304, 214, 111, 231),
  c(1, 1, 16, 1, 4, 11, 4, 11, 0, 8), c(422, 407, 1300, 494, 80, 157, 152, 227, 37, 234))
set.seed(20240501)
sim <- function(name, k, p, lor, tau, r = 1) {
  n2 <- sample(40:400, k, TRUE); n1 <- round(r * n2); mu <- qlogis(p) + rnorm(k, 0, .5); th <- rnorm(k, lor, tau)
  e1 <- rbinom(k, n1, plogis(mu + th)); e2 <- rbinom(k, n2, plogis(mu))
  py <- function(n) round(n * runif(k, .2, 1.5), 1)
  two(name, paste0("S", 1:k), e1, n1, e2, n2, py(n1), py(n2)) }
L$sim_k5 <- sim("sim_k5", 5, .01, .4, 0)
L$sim_k18 <- sim("sim_k18", 18, .006, -.3, .6, 2)
L$sim_k40 <- sim("sim_k40", 40, .004, .2, .3)
L$sim_k12_tau <- sim("sim_k12_tau", 12, .05, .5, .9)
inputs <- do.call(rbind, L)
write.csv(inputs, "pairwise_inputs.csv", row.names = FALSE, na = "")

out <- NULL
add <- function(dataset, measure, method, ...) {
  v <- c(...); out <<- rbind(out, data.frame(dataset, measure, method, quantity = sub("[.].*", "", names(v)), value = v))
}
# metafor's threshold is an absolute change of tau2, so it must follow the scale of the measure
tight <- function(m) list(threshold = c(RD = 1e-16, IRD = 1e-21, OR = 1e-13)[if (m %in% c("RD", "IRD")) m else "OR"][[1]], maxiter = 100000, tol = 1e-13)
for (n in names(L)) { d <- L[[n]]
  ms <- c(if (!anyNA(d$n1)) c("OR", "RR", "RD", "AS"), if (!anyNA(d$t1)) c("IRR", "IRD"))
  for (m in ms) {
    a <- if (m %in% c("IRR", "IRD")) list(x1i = d$e1, t1i = d$t1, x2i = d$e2, t2i = d$t2)
         else list(ai = d$e1, n1i = d$n1, ci = d$e2, n2i = d$n2)
    if (m != "AS") {
      f <- do.call(rma.mh, c(a, measure = m, correct = FALSE, drop00 = TRUE))
      add(n, m, "mh", theta = f$beta[1], se = f$se, ci_low = f$ci.lb, ci_high = f$ci.ub, p = f$pval, q = f$QE)
      if (m == "OR") { add(n, m, "mh", cmh = f$MH, cmh_p = f$MHp, tarone = f$TA) }
    }
    if (m == "OR") {
      f <- do.call(rma.peto, a[c("ai", "n1i", "ci", "n2i")])
      add(n, m, "peto", theta = f$beta[1], se = f$se, ci_low = f$ci.lb, ci_high = f$ci.ub, p = f$pval, q = f$QE)
    }
    for (drop in c(TRUE, FALSE)) {
      e <- suppressWarnings(do.call(escalc, c(a, measure = m, drop00 = drop)))
      if (!drop && !any(d$e1 == 0 & d$e2 == 0)) next
      tag <- if (drop) "" else "+00"
      for (meth in c("EE", "DL", "HE", "HS", "SJ", "ML", "REML", "EB")) for (t in c("z", "knha", "t", "adhoc")) {
        f <- try(suppressWarnings(rma(yi, vi, data = e, method = meth, test = t, control = tight(m))), silent = TRUE)
        if (inherits(f, "try-error")) { cat("fail", n, m, meth, t, "\n"); next }
        ci <- c(z = "wald", knha = "hk", t = "t", adhoc = "hk-adhoc")[[t]]
        add(n, m, paste0("iv-", tolower(meth), tag, ":", ci), theta = f$beta[1], se = f$se, ci_low = f$ci.lb, ci_high = f$ci.ub, p = f$pval)
        if (t == "z") {
          add(n, m, paste0("iv-", tolower(meth), tag, ":", ci), tau2 = f$tau2, i2 = f$I2, h2 = f$H2, q = f$QE, q_p = f$QEp, k = f$k)
          if (meth == "REML") { s <- try(suppressWarnings(confint(f, control = list(tol = 1e-12, tau2.max = 1e4))), silent = TRUE)
            if (!inherits(s, "try-error")) { r <- s$random
              add(n, m, paste0("iv-reml", tag, ":wald"), tau2_low = r[1, 2], tau2_high = r[1, 3], i2_low = r[3, 2], i2_high = r[3, 3]) }
            else cat("confint fail", n, m, "\n") }
        }
      }
    }
  }
}
# one row a fit, one column a quantity
key <- paste(out$dataset, out$measure, out$method, sep = ",")
quantities <- unique(out$quantity)
lines <- tapply(seq_along(key), factor(key, unique(key)), function(i)
  paste(c(key[i[1]], ifelse(quantities %in% out$quantity[i], sprintf("%.15g", out$value[i][match(quantities, out$quantity[i])]), "")), collapse = ","))
writeLines(c(paste(c("dataset,measure,method", quantities), collapse = ","), lines), "pairwise_r.csv")
