# Exact intervals from base R (poisson.test, binom.test) and mid-P by root finding: Rscript rates.R
rows <- NULL
mid <- function(f) uniroot(f, c(1e-10, 400), tol = 1e-14)$root
for (x in c(0, 1, 2, 3, 5, 8, 13, 40, 250)) for (lev in c(.9, .95, .99)) {
  a <- (1 - lev) / 2; e <- poisson.test(x, conf.level = lev)$conf.int
  lo <- if (x == 0) 0 else mid(function(m) ppois(x, m, lower = FALSE) + .5 * dpois(x, m) - a)
  hi <- mid(function(m) ppois(x - 1, m) + .5 * dpois(x, m) - a)
  rows <- rbind(rows, data.frame(kind = "poisson", events = x, n = NA, level = lev, exact_low = e[1], exact_high = e[2], midp_low = lo, midp_high = hi))
  n <- max(20, 2 * x + 1); e <- binom.test(x, n, conf.level = lev)$conf.int
  un <- function(f) uniroot(f, c(0, 1), tol = 1e-15)$root
  lo <- if (x == 0) 0 else un(function(p) pbinom(x, n, p, lower = FALSE) + .5 * dbinom(x, n, p) - a)
  hi <- un(function(p) pbinom(x - 1, n, p) + .5 * dbinom(x, n, p) - a)
  rows <- rbind(rows, data.frame(kind = "binomial", events = x, n = n, level = lev, exact_low = e[1], exact_high = e[2], midp_low = lo, midp_high = hi))
}
num <- sapply(rows, is.numeric); rows[num] <- lapply(rows[num], function(v) ifelse(is.na(v), "", sprintf("%.15g", v)))
write.csv(rows, "rates_r.csv", row.names = FALSE, quote = FALSE)
