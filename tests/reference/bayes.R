# Long JAGS chains of the random-effects network (Dias, Sutton, Ades & Welton 2013), for tests/synthesis/bayes.
# Run in this folder: Rscript bayes.R; it writes bayes_jags.csv. `Rscript bayes.R 3 file.csv` runs the third
# run alone and writes file.csv. About five minutes each. Needs rjags.
library(rjags)
inputs <- read.csv("network_inputs.csv", colClasses = c(study = "character"))
pairs <- read.csv("pairwise_inputs.csv", colClasses = c(study = "character"))

# baseline of a study: the reference where the study has it, else its first treatment by name
arrange <- function(d, reference) {
  levels <- c(reference, setdiff(sort(unique(d$treatment)), reference))
  d$t <- match(d$treatment, levels)
  d$s <- match(d$study, unique(d$study))
  d <- d[order(d$s, d$t), ]
  d$first <- match(seq_len(nrow(d)), sapply(unique(d$s), function(i) which(d$s == i)[1]), nomatch = 0) > 0
  list(data = d, levels = levels)
}

model <- function(likelihood, prior, more) paste0("model {
  for (i in 1:N) { ", likelihood, "
    eta[i] <- mu[s[i]] + delta[i]
    md[i] <- d[t[i]] - d[t[base[s[i]]]] + w * (z[i] - z[base[s[i]]]) }
  for (i in 1:NS) { mu[i] ~ dnorm(0, 0.01)
    delta[base[i]] <- 0 }
  d[1] <- 0
  for (k in 2:NT) { d[k] ~ dnorm(0, 0.01) }
  ", prior, "
", more, "}")
# contrasts of variance tau^2 that correlate by one half, arm by arm given those before: mixes well where the data
# say much about tau
conditional <- "for (i in 1:NS) { e[base[i]] <- 0
  for (j in (base[i] + 1):last[i]) {
    delta[j] ~ dnorm(md[j] + sum(e[base[i]:(j - 1)]) / (j - base[i]), prec * 2 * (j - base[i]) / (j - base[i] + 1))
    e[j] <- delta[j] - md[j] } }
  prec <- pow(tau, -2)\n"
# the same by an independent N(0, tau^2 / 2) of every arm, standardised: mixes well where they say little
standardised <- "for (i in 1:N) { u[i] ~ dnorm(0, 1) }
  for (i in 1:NS) { for (j in (base[i] + 1):last[i]) {
    delta[j] <- md[j] + tau * (u[j] - u[base[i]]) / sqrt(2) } }\n"
together <- "w <- 0\n"  # direct and indirect evidence agree
apart <- "w ~ dnorm(0, 0.01)\n"

# split: the pair of treatments whose direct evidence differs by w from the indirect, half on either arm
run <- function(name, d, reference, likelihood, prior, deviations = standardised, extra = "", more = list(),
                iterations = 250000, split = NULL) {
  a <- arrange(d, reference)
  x <- a$data
  base <- which(x$first)
  both <- sapply(unique(x$s), function(i) all(split %in% x$treatment[x$s == i]))[x$s]
  z <- if (is.null(split)) rep(0, nrow(x)) else both * 0.5 * ((x$treatment == split[1]) - (x$treatment == split[2]))
  data <- c(list(N = nrow(x), NS = length(base), NT = length(a$levels), s = x$s, t = x$t, base = base,
                 r = x$events, z = z, last = c(base[-1] - 1, nrow(x))), more)
  if (grepl("dbin", likelihood)) data$n <- x$n else data$time <- x$person_years
  inits <- lapply(1:3, function(i) list(.RNG.name = "base::Mersenne-Twister", .RNG.seed = i))
  start <- Sys.time()
  code <- model(likelihood, prior, paste0(deviations, if (is.null(split)) together else apart, extra))
  m <- jags.model(textConnection(code), data, inits, 3, 5000, quiet = TRUE)
  update(m, 10000, progress.bar = "none")
  watched <- c("d", "tau", if (!is.null(split)) "w")
  chains <- coda.samples(m, watched, iterations, thin = 10, progress.bar = "none")
  s <- summary(chains, quantiles = c(0.025, 0.5, 0.975))
  keep <- rownames(s$statistics) != "d[1]"
  names <- rownames(s$statistics)[keep]
  label <- ifelse(grepl("^d", names), a$levels[suppressWarnings(as.integer(gsub("[^0-9]", "", names)))], names)
  mean <- s$statistics[keep, "Mean"]
  sd <- s$statistics[keep, "SD"]
  # Monte-Carlo error of the SD: that of the mean squared deviation, over twice the SD
  square <- as.mcmc.list(lapply(chains, function(z) mcmc(sweep(z[, names, drop = FALSE], 2, mean)^2)))
  out <- data.frame(dataset = name, parameter = label, mean = mean, sd = sd,
                    mcse = s$statistics[keep, "Time-series SE"],
                    mcse_sd = summary(square)$statistics[, "Time-series SE"] / (2 * sd),
                    q025 = s$quantiles[keep, 1], q50 = s$quantiles[keep, 2], q975 = s$quantiles[keep, 3])
  seconds <- round(as.numeric(difftime(Sys.time(), start, units = "secs")))
  cat(name, ":", seconds, "s; effective draws", round(min((out$sd / out$mcse)^2)), "\n")
  print(out, row.names = FALSE)
  out
}

logit <- "r[i] ~ dbin(p[i], n[i]); logit(p[i]) <- eta[i]"
log_rate <- "r[i] ~ dpois(m[i]); log(m[i]) <- eta[i] + log(time[i])"
set <- function(name) subset(inputs, dataset == name)
two <- function(name) {
  x <- subset(pairs, dataset == name)
  data.frame(study = rep(x$study, 2), treatment = rep(c("treatment", "reference"), each = nrow(x)),
             events = c(x$e1, x$e2), n = c(x$n1, x$n2), person_years = c(x$t1, x$t2))
}
half <- "tau ~ dnorm(0, 4) T(0,)"
flat <- "tau ~ dunif(0, 2)"
# Turner et al. (2015), adverse events, pharmacological v placebo: log(tau2) ~ N(-1.87, 1.52^2)
turner <- "tau2 ~ dlnorm(-1.87, 1 / (1.52 * 1.52))
  tau <- sqrt(tau2)"
runs <- list(
  function() run("hasselblad1998 uniform(0 2)", set("hasselblad1998"), "no_contact", logit, flat, conditional,
                 iterations = 600000),
  function() run("dogliotti2014 halfnormal(0.5)", set("dogliotti2014"), "VKAs", logit, half,
                 iterations = 500000),
  function() run("simn_safe_t9k48 uniform(0 2)", set("simn_safe_t9k48"), "T01", logit, flat),
  function() run("simn_safe_t9k48 IRR halfnormal(0.5)", set("simn_safe_t9k48"), "T01", log_rate, half),
  # person-time joined by three printed log rate ratios (T02 v T01, T03 v T01, T03 v T02)
  function() run(
    "person-time and estimates", subset(set("simn_safe_t9k48"), study %in% sprintf("N%03d", 1:20)), "T01",
    log_rate, half,
    extra = "for (i in 1:3) { y[i] ~ dnorm(d[tt[i]] - d[tr[i]], 1 / (vy[i] + tau * tau)) }\n",
    more = list(y = log(c(1.4, 0.6, 0.5)), vy = c(0.3, 0.4, 0.35)^2, tt = c(2, 3, 3), tr = c(1, 1, 2))),
  # two treatments: eighteen sparse trials, and the same person-time likelihood with an empirical prior
  function() run("nielweise2007 halfnormal(0.5)", two("nielweise2007"), "reference", logit, half,
                 iterations = 400000),
  function() run("nielweise2008 IRR turner", two("nielweise2008"), "reference", log_rate, turner, conditional,
                 iterations = 1500000),
  # direct against indirect evidence (in a study of three arms too)
  function() run("split hasselblad1998 uniform(0 2)", set("hasselblad1998"), "no_contact", logit, flat, conditional,
                 iterations = 600000, split = c("ind_counseling", "no_contact")),
  function() run("split simn_safe_t9k48 halfnormal(0.5)", set("simn_safe_t9k48"), "T01", logit, half,
                 split = c("T04", "T01"))
)
arguments <- commandArgs(TRUE)
chosen <- if (length(arguments)) as.integer(arguments[1]) else seq_along(runs)
results <- do.call(rbind, lapply(runs[chosen], function(f) f()))
file <- if (length(arguments) > 1) arguments[2] else "bayes_jags.csv"
write.csv(format(results, digits = 8), file, row.names = FALSE, quote = FALSE)
