// Functions of one float that the compiler can inline into a loop and vectorise: no calls, no branches.

/** exp, 2 units in the last place from -87 to 88; below it is tiny, above it is huge. Cephes. */
static inline float fast_exp(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  // The nearest whole number of log(2).
  const float k = x * 1.44269504f;
  const int32_t n = (int32_t)(k + (k < 0 ? -0.5f : 0.5f));
  const float r = x - n * 0.693359375f + n * 2.12194440e-4f;
  float y = 1.9875691500e-4f;
  y = y * r + 1.3981999507e-3f;
  y = y * r + 8.3334519073e-3f;
  y = y * r + 4.1665795894e-2f;
  y = y * r + 1.6666665459e-1f;
  y = y * r + 5.0000001201e-1f;
  y = y * r * r + r + 1.0f;
  const union { int32_t bits; float value; } power = {(n + 127) << 23};
  return y * power.value;
}

/** log(1 + x) for x from 0 to 1: through atanh(x / (2 + x)), whose argument is at most a third. */
static inline float fast_log1p(float x) {
  const float z = x / (2.0f + x), w = z * z;
  float y = 0.1176470588f;
  y = y * w + 0.1333333333f;
  y = y * w + 0.1538461538f;
  y = y * w + 0.1818181818f;
  y = y * w + 0.2222222222f;
  y = y * w + 0.2857142857f;
  y = y * w + 0.4f;
  y = y * w + 0.6666666667f;
  return z * (2.0f + w * y);
}
