// InfoNCE with normalised vectors, by blocks of 8 queries: scores from packed panels of keys, softmax, both gradients. Sizes are
// multiples of 32, which those of rows.ts are.

#ifndef LANES
#ifdef __AVX512F__
#define LANES 16
#else
#define LANES 8
#endif
#endif
typedef float Vector __attribute__((vector_size(LANES * 4)));
enum { QUERIES = 8 };

static void normalise(long rows, long width, const F x, F to, F norms) {
  for (long i = 0; i < rows; i++) {
    float sum = 0;
    for (long d = 0; d < width; d++) sum += x[i * width + d] * x[i * width + d];
    norms[i] = fmaxf(sqrtf(sum), 1e-8f);
    for (long d = 0; d < width; d++) to[i * width + d] = x[i * width + d] / norms[i];
  }
}

/** Takes out of each row of `g` its part along the row of `u`, and divides by the norm. */
static void across(long rows, long width, const F u, const F norms, F g) {
  for (long i = 0; i < rows; i++) {
    float along = 0;
    for (long d = 0; d < width; d++) along += g[i * width + d] * u[i * width + d];
    for (long d = 0; d < width; d++) g[i * width + d] = (g[i * width + d] - along * u[i * width + d]) / norms[i];
  }
}

/** to[4][2 vectors] += a[4][depth] * b[depth][2 vectors]: a by strides, b and `to` by rows. */
static inline void block(long depth, const float *a, long by_row, long by_depth, const float *b, long b_row,
                         float *to, long to_row) {
  Vector sum[4][2];
  for (int i = 0; i < 4; i++)
    for (int v = 0; v < 2; v++) sum[i][v] = *(const Vector *)(to + i * to_row + v * LANES);
  for (long k = 0; k < depth; k++) {
    const Vector b0 = *(const Vector *)(b + k * b_row), b1 = *(const Vector *)(b + k * b_row + LANES);
    for (int i = 0; i < 4; i++) {
      const float x = a[i * by_row + k * by_depth];
      sum[i][0] += x * b0;
      sum[i][1] += x * b1;
    }
  }
  for (int i = 0; i < 4; i++)
    for (int v = 0; v < 2; v++) *(Vector *)(to + i * to_row + v * LANES) = sum[i][v];
}

static double info_nce(long rows, long width, const F q, const F k, F gq, F gk) {
  static float *u, *w, *panels, *norm_q, *norm_k, *score;
  static long had;
  if (had < rows) {
    had = rows;
    float **all[] = {&u, &w, &panels, &norm_q, &norm_k, &score};
    const long sizes[] = {rows * width, rows * width, rows * width, rows, rows, QUERIES * rows};
    for (int i = 0; i < 6; i++) {
      free(*all[i]);
      *all[i] = aligned_alloc(64, sizes[i] * 4 + 64);
    }
  }
  const float per_tau = 1 / 0.07f, scale = per_tau / rows;
  const long panel = 2 * LANES;
  normalise(rows, width, q, u, norm_q);
  normalise(rows, width, k, w, norm_k);
  for (long j = 0; j < rows; j += panel)
    for (long d = 0; d < width; d++)
      for (long i = 0; i < panel; i++) panels[j * width + d * panel + i] = w[(j + i) * width + d];
  memset(gq, 0, rows * width * 4);
  memset(gk, 0, rows * width * 4);
  double total = 0;
  for (long from = 0; from < rows; from += QUERIES) {
    memset(score, 0, QUERIES * rows * 4);
    for (long j = 0; j < rows; j += panel)
      for (long i = 0; i < QUERIES; i += 4)
        block(width, u + (from + i) * width, width, 1, panels + j * width, panel, score + i * rows + j, rows);
    for (long i = 0; i < QUERIES; i++) {
      F s = score + i * rows;
      for (long j = 0; j < rows; j++) s[j] *= per_tau;
      const float own = s[from + i];
      float m = s[0], sum = 0;
      for (long j = 0; j < rows; j++) m = s[j] > m ? s[j] : m;
      for (long j = 0; j < rows; j++) {
        s[j] = fast_exp(s[j] - m);
        sum += s[j];
      }
      total += m + logf(sum) - own;
      for (long j = 0; j < rows; j++) s[j] *= scale / sum;
      s[from + i] -= scale;
    }
    for (long i = 0; i < QUERIES; i += 4)
      for (long d = 0; d < width; d += panel)
        block(rows, score + i * rows, rows, 1, w + d, width, gq + (from + i) * width + d, width);
    for (long j = 0; j < rows; j += 4)
      for (long d = 0; d < width; d += panel)
        block(QUERIES, score + j, 1, rows, u + from * width + d, width, gk + j * width + d, width);
  }
  across(rows, width, u, norm_q, gq);
  across(rows, width, w, norm_k, gk);
  return total / rows;
}
