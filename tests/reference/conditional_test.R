# Exact conditional tests of a common odds ratio (mantelhaen.test) and rate ratio (binom.test) in base R 4.2.2:
# Rscript conditional_test.R writes conditional_test_r.csv.
d <- read.csv("pairwise_inputs.csv"); rows <- NULL
for (n in unique(d$dataset)) { x <- subset(d, dataset == n)
  if (!anyNA(x$n1)) { x <- subset(x, e1 + e2 > 0); if (nrow(x) > 1) {
    t <- sapply(seq_len(nrow(x)), function(i) c(x$e1[i], x$n1[i] - x$e1[i], x$e2[i], x$n2[i] - x$e2[i]))
    f <- mantelhaen.test(array(t, c(2, 2, nrow(x))), exact = TRUE)
    rows <- rbind(rows, data.frame(dataset = n, p = f$p.value, theta = log(f$estimate), low = log(f$conf.int[1]), high = log(f$conf.int[2]))) } } }
num <- sapply(rows, is.numeric); rows[num] <- lapply(rows[num], sprintf, fmt = "%.15g")
write.csv(rows, "conditional_test_r.csv", row.names = FALSE, quote = FALSE)
