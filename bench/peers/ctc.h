// CTC: forward and backward in probabilities, each frame scaled to the sum 1 (Graves, 2006), the blank being class 0.

static double ctc(long frames, long batch, long classes, long labels, const F x, const I targets,
                  const I input_lengths, const I target_lengths, F g) {
  enum { STATES = 256, PAD = 8 };
  static float *p, *alpha;
  static long had;
  if (had < frames) {
    had = frames;
    free(p);
    free(alpha);
    p = aligned_alloc(64, frames * ((classes + 15) / 16 * 64));
    alpha = aligned_alloc(64, (frames + 1) * STATES * 4);
  }
  float beta[STATES + PAD] = {0}, next[STATES + PAD] = {0}, skip[STATES + PAD] = {0}, own[STATES];
  float scale[frames];
  int32_t symbol[STATES];
  const long wide = (classes + 15) / 16 * 16;
  double total = 0;
  for (long b = 0; b < batch; b++) {
    const long used = input_lengths[b], last = 2 * target_lengths[b];
    memset(skip, 0, sizeof skip);
    for (long s = 0; s <= last; s++) {
      symbol[s] = s & 1 ? targets[b * labels + s / 2] : 0;
      skip[s] = (s & 1) && s >= 3 && symbol[s] != symbol[s - 2];
    }
    for (long t = 0; t < used; t++) {
      float m;
      F row = p + t * wide;
      const float sum = exponentials(classes, x + (t * batch + b) * classes, row, &m);
      for (long c = 0; c < classes; c++) row[c] *= 1 / sum;
    }
    double log_likelihood = 0;
    // Two zeros stand before the first state.
    memset(alpha, 0, (used + 1) * STATES * 4);
    for (long t = 0; t < used; t++) {
      const F before = alpha + t * STATES + 2;
      F now = alpha + (t + 1) * STATES + 2;
      const F row = p + t * wide;
      for (long s = 0; s <= last; s++) own[s] = row[symbol[s]];
      float sum = 0;
      if (t == 0) {
        now[0] = own[0];
        now[1] = last ? own[1] : 0;
        sum = now[0] + now[1];
      } else
        for (long s = 0; s <= last; s++) {
          now[s] = (before[s] + before[s - 1] + skip[s] * before[s - 2]) * own[s];
          sum += now[s];
        }
      const float per = 1 / sum;
      for (long s = 0; s <= last; s++) now[s] *= per;
      scale[t] = per;
      log_likelihood += logf(sum);
    }
    const float *end = alpha + used * STATES + 2 + last;
    const float reached = end[0] + (last ? end[-1] : 0);
    total -= log_likelihood + logf(reached);
    memset(beta, 0, sizeof beta);
    memset(next, 0, sizeof next);
    beta[last] = 1 / reached;
    if (last) beta[last - 1] = 1 / reached;
    for (long t = used - 1; t >= 0; t--) {
      const F row = p + t * wide;
      const F now = alpha + (t + 1) * STATES + 2;
      F to = g + (t * batch + b) * classes;
      for (long s = 0; s <= last; s++) own[s] = row[symbol[s]];
      for (long c = 0; c < classes; c++) to[c] = row[c] / batch;
      for (long s = 0; s <= last; s++) to[symbol[s]] -= now[s] * beta[s] / batch;
      for (long s = 0; s <= last; s++) next[s] = beta[s] * own[s] * scale[t];
      for (long s = 0; s <= last; s++) beta[s] = next[s] + next[s + 1] + skip[s + 2] * next[s + 2];
    }
    for (long t = used; t < frames; t++) memset(g + (t * batch + b) * classes, 0, classes * 4);
  }
  return total / batch;
}
