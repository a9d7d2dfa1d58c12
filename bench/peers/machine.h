// What the processor and its memory allow, measured: the clock, and bytes a ns from arrays of three sizes.

/** Cycles a ns: a chain of rotations, one a cycle. Additions of a constant take some processors no time. */
static double clock_rate(void) {
  double best = 0;
  for (int turn = 0; turn < 20; turn++) {
    uint64_t x = turn;
    const double start = now();
    for (long k = 0; k < 1000000; k++)
      for (int i = 0; i < 10; i++) __asm__ volatile("rol $1, %0" : "+r"(x));
    const double rate = 1e7 / (now() - start);
    best = rate > best ? rate : best;
  }
  return best;
}

/** Bytes a ns of z = x + s * y, which reads two arrays and writes one. */
static double triad(long n) {
  F x = room(n * 4);
  F y = room(n * 4);
  F z = room(n * 4);
  for (long i = 0; i < n; i++) x[i] = y[i] = z[i] = i;
  const long calls = 20000000 / n + 1;
  double best = 0;
  for (int turn = 0; turn < 10; turn++) {
    const double start = now();
    for (long k = 0; k < calls; k++) {
      for (long i = 0; i < n; i++) z[i] = x[i] + 3 * y[i];
      __asm__ volatile("" ::: "memory");
    }
    const double rate = 12.0 * n * calls / (now() - start);
    best = rate > best ? rate : best;
  }
  free(x);
  free(y);
  free(z);
  return best;
}

/** Prints the bits of a vector, the clock, and the bytes a ns of 96 kB, 1.5 MB and 48 MB. */
static int machine(void) {
  printf("%d %.17g", LANES * 32, clock_rate());
  for (long n = 1 << 13; n <= 1 << 22; n *= n < 1 << 17 ? 16 : 32) printf(" %.17g", triad(n));
  printf("\n");
  return 0;
}
