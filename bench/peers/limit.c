// The limit: each row fused by hand in C, for the compiler to vectorise. Arrays are 64 bytes aligned and do not overlap.
//
// A program: `limit ROW SIDE` reads requests from its input, one a line, and answers each with a line, as process.ts says.
#define _GNU_SOURCE
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "vector.h"

#define F float *restrict
#define I int32_t *restrict

static double mse(long n, const F p, const F t, F g) {
  const float scale = 2.0f / n;
  double total = 0;
  for (long from = 0; from < n; from += 1024) {
    const long to = from + 1024 < n ? from + 1024 : n;
    float sum = 0;
    for (long i = from; i < to; i++) {
      const float r = p[i] - t[i];
      sum += r * r;
      g[i] = scale * r;
    }
    total += sum;
  }
  return total / n;
}

static double bce(long n, const F x, const F t, F g) {
  const float scale = 1.0f / n;
  double total = 0;
  for (long from = 0; from < n; from += 1024) {
    const long to = from + 1024 < n ? from + 1024 : n;
    float sum = 0;
    for (long i = from; i < to; i++) {
      const float e = fast_exp(-fabsf(x[i]));
      const float q = 1 / (1 + e);
      sum += fmaxf(x[i], 0) - x[i] * t[i] + fast_log1p(e);
      g[i] = ((x[i] >= 0 ? q : e * q) - t[i]) * scale;
    }
    total += sum;
  }
  return total / n;
}

/** Exponentials of a row less its largest element, which `m` becomes, into `g`; their sum. */
static float exponentials(long n, const F x, F g, float *m) {
  float most = x[0], sum = 0;
  for (long c = 0; c < n; c++) most = x[c] > most ? x[c] : most;
  for (long c = 0; c < n; c++) {
    const float e = fast_exp(x[c] - most);
    g[c] = e;
    sum += e;
  }
  *m = most;
  return sum;
}

static double cross_entropy(long rows, long classes, const F x, const I target, F g) {
  double total = 0;
  for (long i = 0; i < rows; i++) {
    float m;
    F row = g + i * classes;
    const float sum = exponentials(classes, x + i * classes, row, &m);
    const float scale = 1 / (sum * rows);
    for (long c = 0; c < classes; c++) row[c] *= scale;
    row[target[i]] -= 1.0f / rows;
    total += m + logf(sum) - x[i * classes + target[i]];
  }
  return total / rows;
}

static double focal(long rows, long classes, const F x, const I target, F g) {
  double total = 0;
  for (long i = 0; i < rows; i++) {
    float m;
    F row = g + i * classes;
    const float sum = exponentials(classes, x + i * classes, row, &m);
    const float lp = x[i * classes + target[i]] - m - logf(sum);
    const float p = row[target[i]] / sum, missed = 1 - p;
    const float by = (2 * missed * p * lp - missed * missed) / rows;
    const float scale = -by / sum;
    for (long c = 0; c < classes; c++) row[c] *= scale;
    row[target[i]] += by;
    total -= missed * missed * lp;
  }
  return total / rows;
}

static double triplet(long rows, long width, const F a, const F p, const F n, F ga, F gp, F gn) {
  const float scale = 2.0f / rows;
  double total = 0;
  for (long i = 0; i < rows; i++) {
    const long from = i * width, to = from + width;
    float sum = 0;
    for (long j = from; j < to; j++) {
      const float x = a[j] - p[j], y = a[j] - n[j];
      sum += x * x - y * y;
    }
    if (sum + 1 > 0) {
      total += sum + 1;
      for (long j = from; j < to; j++) {
        ga[j] = scale * (n[j] - p[j]);
        gp[j] = scale * (p[j] - a[j]);
        gn[j] = scale * (a[j] - n[j]);
      }
    } else {
      memset(ga + from, 0, width * 4);
      memset(gp + from, 0, width * 4);
      memset(gn + from, 0, width * 4);
    }
  }
  return total / rows;
}

static double dice(long slabs, long area, const F x, const F t, F g) {
  double total = 0;
  for (long k = 0; k < slabs; k++) {
    const long from = k * area, to = from + area;
    float overlap = 0, areas = 0;
    for (long i = from; i < to; i++) {
      const float p = 1 / (1 + fast_exp(-x[i]));
      g[i] = p;
      overlap += p * t[i];
      areas += p + t[i];
    }
    const float above = 2 * overlap + 1e-5f, below = areas + 1e-5f;
    const float by_area = above / (below * below * slabs), by_overlap = -2 / (below * slabs);
    for (long i = from; i < to; i++) g[i] = (by_overlap * t[i] + by_area) * g[i] * (1 - g[i]);
    total += 1 - above / below;
  }
  return total / slabs;
}

static double giou(long rows, const F a, const F b, F g) {
  const float eps = 1e-7f, per = 1.0f / rows;
  double total = 0;
  for (long start = 0; start < rows; start += 1024) {
    const long end = start + 1024 < rows ? start + 1024 : rows;
    float sum = 0;
    for (long k = start; k < end; k++) {
      const float ax1 = a[4 * k], ay1 = a[4 * k + 1], ax2 = a[4 * k + 2], ay2 = a[4 * k + 3];
      const float bx1 = b[4 * k], by1 = b[4 * k + 1], bx2 = b[4 * k + 2], by2 = b[4 * k + 3];
      const float w = fminf(ax2, bx2) - fmaxf(ax1, bx1), h = fminf(ay2, by2) - fmaxf(ay1, by1);
      const float meet = fminf(w, h) > 0 ? 1 : 0;
      const float common = meet * w * h, aw = ax2 - ax1, ah = ay2 - ay1;
      const float both = aw * ah + (bx2 - bx1) * (by2 - by1) - common;
      const float hw = fmaxf(ax2, bx2) - fminf(ax1, bx1), hh = fmaxf(ay2, by2) - fminf(ay1, by1);
      const float hull = hw * hh, per_both = 1 / (both + eps), per_hull = 1 / (hull + eps);
      sum += 1 - common * per_both + (hull - both) * per_hull;
      const float by_both = (common * per_both * per_both - per_hull) * per;
      const float by_hull = (per_hull - (hull - both) * per_hull * per_hull) * per;
      const float by_common = meet * (-per_both * per - by_both);
      const float by_w = by_common * h, by_h = by_common * w, by_hw = by_hull * hh, by_hh = by_hull * hw;
      g[4 * k] = -by_both * ah - (ax1 > bx1 ? by_w : 0) - (ax1 < bx1 ? by_hw : 0);
      g[4 * k + 1] = -by_both * aw - (ay1 > by1 ? by_h : 0) - (ay1 < by1 ? by_hh : 0);
      g[4 * k + 2] = by_both * ah + (ax2 < bx2 ? by_w : 0) + (ax2 > bx2 ? by_hw : 0);
      g[4 * k + 3] = by_both * aw + (ay2 < by2 ? by_h : 0) + (ay2 > by2 ? by_hh : 0);
    }
    total += sum;
  }
  return total / rows;
}

static double mean(long n, const F x) {
  double total = 0;
  for (long from = 0; from < n; from += 4096) {
    const long to = from + 4096 < n ? from + 4096 : n;
    float sum = 0;
    for (long i = from; i < to; i++) sum += x[i];
    total += sum;
  }
  return total / n;
}

#include "ctc.h"
#include "info_nce.h"

/** What a row is given: sizes, inputs and gradients in the order of rows.ts. */
typedef struct {
  long n[4];
  void *in[4];
  float *out[3];
} Data;

static double run(const char *row, const Data *d) {
  const long *n = d->n;
  void *const *in = d->in;
  float *const *out = d->out;
  if (!strcmp(row, "mse")) return mse(n[0], in[0], in[1], out[0]);
  if (!strcmp(row, "bce")) return bce(n[0], in[0], in[1], out[0]);
  if (!strcmp(row, "cross-entropy")) return cross_entropy(n[0], n[1], in[0], in[1], out[0]);
  if (!strcmp(row, "focal")) return focal(n[0], n[1], in[0], in[1], out[0]);
  if (!strcmp(row, "triplet")) return triplet(n[0], n[1], in[0], in[1], in[2], out[0], out[1], out[2]);
  if (!strcmp(row, "infoNce")) return info_nce(n[0], n[1], in[0], in[1], out[0], out[1]);
  if (!strcmp(row, "dice")) return dice(n[0], n[1], in[0], in[1], out[0]);
  if (!strcmp(row, "giou")) return giou(n[0], in[0], in[1], out[0]);
  if (!strcmp(row, "ctc")) return ctc(n[0], n[1], n[2], n[3], in[0], in[1], in[2], in[3], out[0]);
  if (!strcmp(row, "mean")) return mean(n[0], in[0]);
  fprintf(stderr, "no row %s\n", row);
  exit(1);
}

/** Processor time in ns. */
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static void *room(long bytes) { return aligned_alloc(64, (bytes + 127) / 64 * 64); }

static void *read_file(const char *path, long *bytes) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  fseek(file, 0, SEEK_END);
  *bytes = ftell(file);
  rewind(file);
  void *data = room(*bytes);
  if (fread(data, 1, *bytes, file) != (size_t)*bytes) exit(2);
  fclose(file);
  return data;
}

static volatile double kept;

/** ns of a call: the fastest of several groups of calls that fill `ns` together. */
static double fastest(const char *row, const Data *d, double ns) {
  double start = now();
  kept = run(row, d);
  const double once = now() - start + 1;
  if (once > ns) return once;
  const long calls = once > 1e6 ? 1 : 1e6 / once + 1;
  double best = INFINITY;
  for (double used = 0; used < ns;) {
    start = now();
    for (long k = 0; k < calls; k++) kept = run(row, d);
    const double took = now() - start;
    best = took / calls < best ? took / calls : best;
    used += took;
  }
  return best;
}

#include "machine.h"

int main(int count, char **words) {
  if (count == 2 && !strcmp(words[1], "--machine")) return machine();
  if (count != 3) return 1;
  static Data d;
  long grads = 0, bytes[3];
  char line[4096], folder[1024], path[2048];
  while (fgets(line, sizeof line, stdin)) {
    double ms;
    if (sscanf(line, "time %lf", &ms) == 1) printf("%.17g\n", fastest(words[1], &d, ms * 1e6));
    else if (sscanf(line, "load %1023s %*d %ld %ld %ld %ld", folder, d.n, d.n + 1, d.n + 2, d.n + 3) >= 2) {
      for (int k = 0; k < 4; k++) {
        free(d.in[k]);
        long size;
        snprintf(path, sizeof path, "%s/in%d", folder, k);
        d.in[k] = read_file(path, &size);
        if (k < 3 && d.in[k]) bytes[k] = size;
      }
      grads = !strcmp(words[1], "mean") ? 0 : !strcmp(words[1], "triplet") ? 3 : !strcmp(words[1], "infoNce") ? 2 : 1;
      for (int k = 0; k < grads; k++) {
        free(d.out[k]);
        d.out[k] = room(bytes[k]);
        memset(d.out[k], 0, bytes[k]);
      }
      const double loss = run(words[1], &d);
      for (int k = 0; k < grads; k++) {
        snprintf(path, sizeof path, "%s/%s.%d", folder, words[2], k);
        FILE *file = fopen(path, "wb");
        fwrite(d.out[k], 1, bytes[k], file);
        fclose(file);
      }
      printf("%.17g\n", loss);
    }
    fflush(stdout);
  }
}
