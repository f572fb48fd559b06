# Dose lines, classes and slopes in inverse-variance networks, R metafor 3.8-1: Rscript dose_class.R writes
# dose_class_r.csv (dataset,what,name,value). Arm log odds with a fixed intercept a study; an arm's variance between
# studies is half that of a contrast. Members of a class and slopes of treatments: further random effects.
suppressMessages(library(metafor))
# "digit" is an arbitrary covariate of the study: its last digit / 10, centred over the arms
d <- read.csv("network_inputs.csv"); out <- NULL
add <- function(dataset, what, ...) { v <- c(...); out <<- rbind(out, data.frame(dataset, what, name = names(v), value = sprintf("%.15g", v))) }
ctrl <- list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-14, maxit = 20000)
groups <- list(
  dogliotti2014 = list(ref = "Placebo/Control",
    dose = list("Dabigatran 110mg" = c("dabigatran", 110), "Dabigatran 150mg" = c("dabigatran", 150)),
    class = c("VKAs" = "anticoagulant", "Apixaban" = "anticoagulant", "Rivaroxaban" = "anticoagulant",
      "Dabigatran 110mg" = "anticoagulant", "Dabigatran 150mg" = "anticoagulant",
      "Aspirin" = "antiplatelet", "Aspirin+Clopidogtrel" = "antiplatelet")),
  hasselblad1998 = list(ref = "no_contact", dose = list("ind_counseling" = c("counseling", 1), "grp_counseling" = c("counseling", 2)),
    class = c("ind_counseling" = "active", "grp_counseling" = "active", "self_help" = "active")))
for (n in names(groups)) { g <- groups[[n]]; x <- d[d$dataset == n, ]; x$study <- as.character(x$study)
  keep <- ave(x$events, x$study, FUN = sum) > 0; x <- x[keep, ]
  zero <- ave(as.numeric(x$events == 0 | x$events == x$n), x$study, FUN = max); a <- x$events + 0.5 * zero; b <- x$n - x$events + 0.5 * zero
  x$yi <- log(a / b); x$vi <- 1 / a + 1 / b; x$arm <- seq_len(nrow(x)); x$digit <- as.numeric(substr(x$study, nchar(x$study), nchar(x$study))) / 10
  x$digit <- x$digit - mean(x$digit)
  S <- model.matrix(~ factor(study) - 1, x); T <- sort(unique(x$treatment)); one <- sapply(T, function(t) as.numeric(x$treatment == t))
  design <- function(group, dose) { names <- unique(group[T[T %in% names(group)]])
    cols <- sapply(names, function(k) ifelse(x$treatment %in% names(group)[group == k], dose[x$treatment], 0))
    colnames(cols) <- names; cbind(cols, one[, setdiff(T, c(names(group), g$ref)), drop = FALSE]) }
  fit <- function(X, ...) rma.mv(yi, vi, mods = cbind(X, S), intercept = FALSE, data = x, method = "REML", control = ctrl, ...)
  save <- function(what, X, f, ...) { i <- seq_len(ncol(X)); v <- f$beta[i]; s <- f$se[i]; k <- colnames(X)
    add(n, what, setNames(v, paste0("theta[", k, "]")), setNames(s, paste0("se[", k, "]")), tau2 = 2 * f$sigma2[1], ...) }
  group <- sapply(g$dose, `[`, 1); dose <- sapply(g$dose, function(z) as.numeric(z[2]))
  X <- design(group, dose); save("linear", X, fit(X, random = ~ 1 | arm))
  X <- design(g$class, sapply(g$class, function(z) 1)); save("class", X, fit(X, random = ~ 1 | arm))
  x$member <- factor(as.numeric(x$treatment %in% names(g$class)))
  f <- fit(X, random = list(~ 1 | arm, ~ member | treatment), struct = "DIAG", tau2 = c(0, NA)); save("exchangeable", X, f, s2 = f$tau2[2])
  own <- one[, setdiff(T, g$ref)]; own <- cbind(own, slope = ifelse(x$treatment == g$ref, 0, x$digit))
  save("slope", own, fit(own, random = ~ 1 | arm))
  # slopes normal about their mean: restricted likelihood by brute force on the whole covariance
  Z <- one[, setdiff(T, g$ref)] * x$digit; D <- cbind(own, S)
  nll <- function(p) { V <- diag(x$vi + p[1]^2 / 2) + p[2]^2 * Z %*% t(Z); W <- solve(V); I <- t(D) %*% W %*% D
    b <- solve(I, t(D) %*% W %*% x$yi); r <- x$yi - D %*% b
    as.numeric(determinant(V)$modulus + determinant(I)$modulus + t(r) %*% W %*% r) / 2 }
  best <- NULL; for (s in list(c(0.3, 0.1), c(0.6, 0.4), c(0.1, 1))) { o <- optim(s, nll, control = list(reltol = 1e-16, maxit = 20000)); if (is.null(best) || o$value < best$value) best <- o }
  p <- best$par; V <- diag(x$vi + p[1]^2 / 2) + p[2]^2 * Z %*% t(Z); W <- solve(V); I <- solve(t(D) %*% W %*% D); b <- I %*% t(D) %*% W %*% x$yi
  i <- seq_len(ncol(own)); add(n, "random slopes", setNames(b[i], paste0("theta[", colnames(own), "]")), setNames(sqrt(diag(I))[i], paste0("se[", colnames(own), "]")), tau2 = p[1]^2, s2 = p[2]^2)
}
write.csv(out, "dose_class_r.csv", row.names = FALSE, quote = TRUE)
