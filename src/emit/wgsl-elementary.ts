// The elementary functions of a shader, within a few ULP of f32.
//
// The built-in ones are free to be wrong by 2^-21 near 1 (log), by many ULP for large arguments (exp) or near 0 (tanh), and to
// make NaN of infinities. Compilers may fuse a product with a sum and take sums in another order: where that would lose digits the
// results of parts are `kept`. No constant is infinite, which WGSL forbids.

import { wgslNumber } from "./wgsl-numbers.ts"

interface WgslFunction {
  readonly text: string
  /** Functions that it calls. */
  readonly uses?: readonly string[]
}

/** The functions by the names of their operators; `f_` stands in front of each in the text. */
export const elementary: Readonly<Record<string, WgslFunction>> = {
  // A result that no compiler takes into another order of additions: it does not know that the last bit of infinity is 0.
  kept: {
    text: `fn f_kept(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) ^ (bitcast<u32>(u.infinity) & 1u)); }`,
  },
  // exp(n ln 2 + r) with ln 2 in two parts (Cody and Waite, 1980), so that r is nearly exact.
  exp: {
    text: `fn f_exp(x: f32) -> f32 {
  if (x > 88.72284f) { return u.infinity; }
  if (x < -103.98f) { return 0.0f; }
  let n = round(x * 1.4426950408889634f);
  let r = f_kept(x - n * 0.693359375f) + n * 2.1219444005469057e-4f;
  let p = 1.0f + r + r * r * (0.5f + r * (0.16666665459f + r * (0.041665795894f + r * (0.0083334519073f + r * (0.0013981999507f + r * 1.987569150e-4f)))));
  let half = i32(n) / 2;
  return f_kept(p * power_of_two(half)) * power_of_two(i32(n) - half);
}`,
    uses: ["kept", "power_of_two"],
  },
  power_of_two: {
    text: `fn power_of_two(n: i32) -> f32 { return bitcast<f32>(u32(n + 127) << 23u); }`,
  },
  // 2^n (exp(r) - 1) + (2^n - 1).
  expm1: {
    text: `fn f_expm1(x: f32) -> f32 {
  if (x > 17.0f) { return f_exp(x); }
  if (x < -18.0f) { return -1.0f; }
  let n = round(x * 1.4426950408889634f);
  let r = f_kept(x - n * 0.693359375f) + n * 2.1219444005469057e-4f;
  let p = r + r * r * (0.5f + r * (0.16666665459f + r * (0.041665795894f + r * (0.0083334519073f + r * (0.0013981999507f + r * 1.987569150e-4f)))));
  let scale = power_of_two(i32(n));
  return scale * p + f_kept(scale - 1.0f);
}`,
    uses: ["exp", "kept", "power_of_two"],
  },
  // log(1 + f) - f for f from sqrt(1/2) - 1 to sqrt(2) - 1, by s = f / (2 + f) (fdlibm's logf).
  log_rest: {
    text: `fn log_rest(f: f32) -> f32 {
  let s = f / (2.0f + f);
  let z = s * s;
  let w = z * z;
  let r = z * (0.66666662693f + w * 0.28498786688f) + w * (0.40000972152f + w * 0.24279078841f);
  let h = 0.5f * f * f;
  return s * (h + r) - h;
}`,
  },
  log: {
    text: `fn f_log(x: f32) -> f32 {
  if (x < 1.17549435e-38f) { return -u.infinity; }
  if (x > 3.4028234e38f) { return x; }
  let bits = bitcast<u32>(x) - 0x3f3504f3u;
  let n = f32(bitcast<i32>(bits) >> 23u);
  let f = bitcast<f32>((bits & 0x7fffffu) + 0x3f3504f3u) - 1.0f;
  return n * 0.69313812256f + (f + (log_rest(f) + n * 9.0580006145e-6f));
}`,
    uses: ["log_rest"],
  },
  // Away from 0 the rounding of 1 + x is small beside the logarithm.
  log1p: {
    text: `fn f_log1p(x: f32) -> f32 {
  if (x > -0.29f && x < 0.41f) { return x + log_rest(x); }
  return f_log(1.0f + x);
}`,
    uses: ["log", "log_rest"],
  },
  log1mexp: {
    text: `fn f_log1mexp(x: f32) -> f32 {
  if (x > -0.6931472f) { return f_log(-f_expm1(x)); }
  return f_log1p(-f_exp(x));
}`,
    uses: ["exp", "expm1", "log", "log1p"],
  },
  sigmoid: {
    text: `fn f_sigmoid(x: f32) -> f32 {
  let e = f_exp(-abs(x));
  return select(e, 1.0f, x >= 0.0f) / (1.0f + e);
}`,
    uses: ["exp"],
  },
  softplus: {
    text: `fn f_softplus(x: f32) -> f32 { return max(x, 0.0f) + f_log1p(f_exp(-abs(x))); }`,
    uses: ["exp", "log1p"],
  },
  // Equal infinities have no difference.
  logaddexp: {
    text: `fn f_logaddexp(x: f32, y: f32) -> f32 {
  if (x == y) { return x + 0.6931472f; }
  return max(x, y) + f_log1p(f_exp(-abs(x - y)));
}`,
    uses: ["exp", "log1p"],
  },
  xlogy: {
    text: `fn f_xlogy(x: f32, y: f32) -> f32 {
  if (x == 0.0f) { return 0.0f; }
  return x * f_log(y);
}`,
    uses: ["log"],
  },
  tanh: {
    text: `fn f_tanh(x: f32) -> f32 {
  let e = f_expm1(2.0f * min(abs(x), 10.0f));
  let t = e / (e + 2.0f);
  return select(t, -t, x < 0.0f);
}`,
    uses: ["expm1"],
  },
  // x^y = 2^(y log2 x) for x = 2^e c (1 + r) with c a multiple of 1/16. log2 x is the sum of two numbers of 12 bits, `short` and
  // `next`, whose products with the upper half of y are exact, and of a small rest. So y log2 x less its nearest int is a sum of small
  // terms, whatever its size.
  power: {
    text: `fn power(x: f32, y: f32) -> f32 {
  let bits = bitcast<u32>(x) - 0x3f340000u;
  let e = bitcast<i32>(bits) >> 23u;
  let m = bitcast<f32>((bits & 0x7fffffu) + 0x3f340000u);
  let k = round(m * 16.0f);
  let c = k * 0.0625f;
  let parts = log2_parts(i32(k));
  let above = f_kept(m - c);
  let r = above / c;
  let r_short = s_short(r);
  let r_rest = f_kept(above - f_kept(r_short * c)) / c;
  let product = f_kept(r_short * 1.4423828125f);
  let next = round((product + parts.y) * 65536.0f) * 1.52587890625e-5f;
  let short = f32(e) + parts.x;
  let rest = parts.z + f_kept(product - f_kept(next - parts.y)) + r_short * 3.122284e-4f + (r_rest + log_rest(r)) * 1.442695f;
  let upper = s_short(y);
  let lower = f_kept(y - upper);
  let n = round(clamp(y * (short + (next + rest)), -400.0f, 400.0f));
  let t = f_kept(f_kept(upper * short - n) + upper * next) + (lower * (short + next) + y * rest);
  if (n > 129.0f || t > 200.0f) { return u.infinity; }
  if (n < -151.0f) { return 0.0f; }
  let p = f_exp(t * 0.6931472f);
  let half = i32(n) / 2;
  return f_kept(p * power_of_two(half)) * power_of_two(i32(n) - half);
}`,
    uses: ["exp", "kept", "log_rest", "log2_parts", "power_of_two", "short"],
  },
  // log2(k / 16) for k from 11 to 23: its nearest multiple of 1/32, that of 2^-16 of what is left, and the rest.
  log2_parts: {
    text: `fn log2_parts(k: i32) -> vec3<f32> {
  switch (k) {
${Array.from({ length: 13 }, (_, i) => i + 11)
  .map((k) => `    case ${k}: { return ${log2Parts(k)}; }`)
  .join("\n")}
    default: { return vec3<f32>(0.0f, 0.0f, 0.0f); }
  }
}`,
  },
  pow: {
    text: `fn f_pow(x: f32, y: f32) -> f32 {
  if (y == 0.0f || x == 1.0f) { return 1.0f; }
  if (x == 0.0f) { return select(u.infinity, 0.0f, y > 0.0f); }
  if (x > 3.4028234e38f) { return select(0.0f, u.infinity, y > 0.0f); }
  let p = power(abs(x), y);
  return select(p, -p, x < 0.0f && abs(y) < 16777216.0f && (i32(y) & 1) != 0);
}`,
    uses: ["power"],
  },
  // x less the nearest multiple of pi / 2, which is taken in three parts (Cody and Waite).
  quarter: {
    text: `fn quarter(x: f32, n: f32) -> f32 {
  return f_kept(f_kept(x - n * 1.5703125f) - n * 4.837512969970703125e-4f) - n * 7.54978995489188216e-8f;
}`,
    uses: ["kept"],
  },
  sin_near: {
    text: `fn sin_near(r: f32) -> f32 {
  let z = r * r;
  return r + r * z * (-0.16666667f + z * (0.008333329f + z * (-1.9839335e-4f + z * 2.7183114e-6f)));
}`,
  },
  cos_near: {
    text: `fn cos_near(r: f32) -> f32 {
  let z = r * r;
  return 1.0f - 0.5f * z + z * z * (0.041666638f + z * (-0.0013888397f + z * 2.4433157e-5f));
}`,
  },
  sin: {
    text: `fn f_sin(x: f32) -> f32 {
  let n = round(x * 0.63661977f);
  let r = quarter(x, n);
  let k = i32(n) & 3;
  let y = select(sin_near(r), cos_near(r), (k & 1) != 0);
  return select(y, -y, k >= 2);
}`,
    uses: ["quarter", "sin_near", "cos_near"],
  },
  cos: {
    text: `fn f_cos(x: f32) -> f32 {
  let n = round(x * 0.63661977f);
  let r = quarter(x, n);
  let k = i32(n) & 3;
  let y = select(cos_near(r), sin_near(r), (k & 1) != 0);
  return select(y, -y, k == 1 || k == 2);
}`,
    uses: ["quarter", "sin_near", "cos_near"],
  },
  // The angle is brought below pi / 8 (Cephes' atanf).
  atan: {
    text: `fn f_atan(x: f32) -> f32 {
  let a = abs(x);
  var start = 0.0f;
  var t = a;
  if (a > 2.4142135f) {
    start = 1.5707964f;
    t = -1.0f / a;
  } else if (a > 0.41421357f) {
    start = 0.78539816f;
    t = (a - 1.0f) / (a + 1.0f);
  }
  let z = t * t;
  let y = start + (t + t * z * (-0.333329491539f + z * (0.199777106478f + z * (-0.138776856032f + z * 0.0805374449538f))));
  return select(y, -y, x < 0.0f);
}`,
  },
  asin_near: {
    text: `fn asin_near(x: f32) -> f32 {
  let z = x * x;
  return x + x * z * (0.16666752422f + z * (0.074953002686f + z * (0.045470025998f + z * (0.024181311049f + z * 0.042163199048f))));
}`,
  },
  acos: {
    text: `fn f_acos(x: f32) -> f32 {
  if (x > 0.5f) { return 2.0f * asin_near(sqrt(0.5f * (1.0f - x))); }
  if (x < -0.5f) { return 3.1415927f - 2.0f * asin_near(sqrt(0.5f * (1.0f + x))); }
  return 1.5707964f - asin_near(x);
}`,
    uses: ["asin_near"],
  },
  atan2: {
    text: `fn f_atan2(y: f32, x: f32) -> f32 {
  let isBelow = (bitcast<u32>(y) & 0x80000000u) != 0u;
  let isLeft = (bitcast<u32>(x) & 0x80000000u) != 0u;
  let a = abs(y);
  let b = abs(x);
  var angle = 0.0f;
  if (a > 3.4028234e38f && b > 3.4028234e38f) { angle = 0.78539816f; }
  else if (a > b) { angle = 1.5707964f - f_atan(b / a); }
  else if (a > 0.0f) { angle = f_atan(a / b); }
  if (isLeft) { angle = 3.1415927f - angle; }
  return select(angle, -angle, isBelow);
}`,
    uses: ["atan"],
  },
  ratio: {
    text: `fn f_ratio(x: f32, y: f32) -> f32 {
  if (y == 0.0f) { return 0.0f; }
  return x / y;
}`,
  },
  idiv: {
    text: `fn f_idiv(x: i32, y: i32) -> i32 {
  let q = x / y;
  return select(q, q - 1, x % y != 0 && (x < 0) != (y < 0));
}`,
  },
  mod: {
    text: `fn f_mod(x: i32, y: i32) -> i32 { return x - y * f_idiv(x, y); }`,
    uses: ["idiv"],
  },
}

function log2Parts(k: number): string {
  const l = Math.log2(k / 16)
  const first = Math.round(l * 32) / 32
  const second = Math.round((l - first) * 65536) / 65536
  const parts = [first, second, l - first - second].map((x) => wgslNumber(x, "real"))
  return `vec3<f32>(${parts.join(", ")})`
}
