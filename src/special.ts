// The special functions, written in the language over elementary operations: every target makes its own code of one text.
//
// The coefficients are those of rational functions fitted for this file with 60 digits, by least squares at Chebyshev points
// weighted until nearly minimax; each is within 2e-17 of the function, relative to the term it is added to. Where a value is a
// constant and a small correction, the correction alone is fitted, so its rounding hardly counts. `polynomial(x, a, b, c)` is
// a + b x + c x^2. All functions return NaN for NaN; none
// calls itself, which shaders could not do.

/** The definitions. Those that are no operator of the table serve the others. */
export const specialFunctions = `
// erf(x) / x - 1, for |x| < 0.84, with s = x^2.
def erfNear(s) = polynomial(s, 0.1283791670955126, -0.3761263890318375, 0.11283791670954757, -0.026866170645034035,
  0.005223977624116719, -0.0008548326916732748, 0.00012055327527746838, -1.4925466497145234e-05,
  1.6457965935787831e-06, -1.6303658621148791e-07, 1.420906799035213e-08, -8.888931917535673e-10)

// 0.4 - exp(x^2) erfc(x) at x = 0.84 + y, for y up to 0.56.
def erfcxNear(y) =
  polynomial(y, -0.07560041951241153, 0.2024936558940178, 0.26549458245922186, 0.12720243997272326, 0.028474937777001674,
    0.0025554316726186404)
  / polynomial(y, 1, 1.6782553223770638, 1.1685638566006407, 0.42346161169627633, 0.08020876333323033,
    0.006387939469225654)

// 0.28 - exp(x^2) erfc(x) at x = 1.4 + y, for y up to 0.85.
def erfcxMiddle(y) =
  polynomial(y, -0.05874354067973462, 0.09144162882100196, 0.12900263693431405, 0.05873112963338158,
    0.012115772272496604, 0.0009825503489743362)
  / polynomial(y, 1, 1.505793204626654, 0.9362397568584536, 0.30127573786367784, 0.0503427898565905,
    0.0035090337931806713)

// 0.5641895835477563 - x exp(x^2) erfc(x), for x >= 2.25, with v = 1 / x^2. The limit is 1 / sqrt(pi).
def erfcxFar(v) =
  polynomial(v, -5.3440033112363645e-18, 0.2820947917738684, 8.61579533360323, 93.11390616171954,
    440.62965508529953, 913.917655556755, 720.8206626273547, 141.0161097642018)
  / polynomial(v, 1, 32.04219923529529, 374.3935019571861, 2016.548462949354, 5222.09223299429,
    6172.586266651085, 2827.909763462448, 324.9266845252019)

// x to 26 bits, so that its square is exact (Dekker, 1971).
def short(x) = let t = 134217729 * x in t - (t - x)

// exp(d) - 1 for |d| < 1e-5.
def tiny(d) = d + d * d * (0.5 + d / 6)

// exp(-x^2) is exp(-z^2) exp(d) with z near x and d near 0.
def gaussian(x) =
  if abs(x) > 28 then 0
  else
    let z = short(x), e = exp(-z * z) in
    e + e * tiny((z - x) * (z + x))

// exp(x^2) erfc(x) (1 + d), for x >= 0.84.
def erfcxTimes(x, d) =
  if x < 1.4 then let s = erfcxNear(x - 0.84) in 0.4 - (s - (0.4 - s) * d)
  else if x < 2.25 then let s = erfcxMiddle(x - 1.4) in 0.28 - (s - (0.28 - s) * d)
  else let s = erfcxFar(1 / (x * x)) in (0.5641895835477563 - (s - (0.5641895835477563 - s) * d)) / x

// erfc for x >= 0.84.
def erfcTail(x) =
  if x > 28 then 0
  else
    let z = short(x), e = exp(-z * z) in
    e * erfcxTimes(x, tiny((z - x) * (z + x)))

def erf(x) =
  if abs(x) < 0.84 then x + x * erfNear(x * x)
  else if x > 0 then 1 - erfcTail(x)
  else erfcTail(-x) - 1

def erfc(x) =
  if x >= 0.84 then erfcTail(x)
  else if x >= 0.25 then 0.5 - (x - 0.5 + x * erfNear(x * x))
  else if x > -0.84 then 1 - (x + x * erfNear(x * x))
  else 2 - erfcTail(-x)

def erfcx(x) =
  if x >= 0.84 then erfcxTimes(x, 0)
  else if x < -27 then inf
  else
    let z = short(x), e = exp(z * z), c = erfc(x) in
    e * (c + c * tiny((x - z) * (x + z)))

def logErfc(x) =
  if x > 1 then log(erfcx(x)) - x * x
  else if x > -0.5 then log1p(-erf(x))
  else log(erfc(x))

// lgamma(1 + t) / (t (t - 1)), for t from 0 to 1: what is left of lgamma without its zeros.
def lgammaOne(t) =
  polynomial(t, 0.5772156649015329, 1.4314877720408776, 1.2859989022172915, 0.5072694369001366, 0.0839222649385027,
    0.004407287663371644, 1.747640838973021e-05)
  / polynomial(t, 1, 2.904874629224574, 3.192895180472477, 1.65269394891139, 0.40749008618449356,
    0.042420490256419245, 0.001288267147203774)

// lgamma(2 + t), for t from 0 to 1.
def lgammaTwo(t) =
  t * (1 + t)
  * (polynomial(t, 0.42278433509846713, 0.4454739275122889, 0.158195752886745, 0.021552961358299722,
      0.0009053651506605696, 2.819340386717896e-06)
    / polynomial(t, 1, 1.290944776985472, 0.602517235753542, 0.1225780076890275, 0.010238662578758145,
      0.00025072016988964674))

// lgamma(x) - (x - 1/2) log(x) + x - log(2 pi) / 2, for x >= 5, with v = 1 / x (Stirling).
def stirling(v) =
  v * polynomial(v * v, 0.08333333333333333, -0.0027777777777749533, 0.0007936507917296127, -0.0005952375887406857,
    0.0008416832778400314, -0.0019123805897540496, 0.006173107762734299, -0.022788246748398047, 0.05946304286311927)

// x less the nearest whole number: sin(pi x) is sin of pi times this, but for the sign.
def apart(x) = x - floor(x + 0.5)

def lgammaPositive(x) =
  if x >= 5 then (x - 0.5) * (log(x) - 1) + (0.4189385332046727 + stirling(1 / x))
  else if x >= 4 then log((x - 1) * (x - 2)) + lgammaTwo(x - 4)
  else if x >= 3 then log(x - 1) + lgammaTwo(x - 3)
  else if x >= 2 then lgammaTwo(x - 2)
  else if x >= 1 then (x - 1) * (x - 2) * lgammaOne(x - 1)
  else x * (x - 1) * lgammaOne(x) - log(x)

def lgamma(x) =
  if x > 0 then lgammaPositive(x)
  else if x == 0 or x < -4503599627370496 then inf
  else 1.1447298858494002 - log(abs(sin(pi * apart(x)))) - log(-x) - lgammaPositive(-x)

def lgamma1p(x) =
  if x >= 0 and x < 1 then x * (x - 1) * lgammaOne(x)
  else if x < 0 and x > -1 then x * (1 + x) * lgammaOne(1 + x) - log1p(x)
  else if x >= 1 and x < 2 then lgammaTwo(x - 1)
  else lgamma(1 + x)

// The derivative of lgamma at 1 + t over t less its zero, for t from 0 to 1.
def digammaNear(t) =
  polynomial(t, 1.2503801375034054, 1.8703144163457788, 0.9747531589617106, 0.21785822189636125, 0.020207391340331005,
    0.000592535294154323, 1.124379777618964e-06)
  / polynomial(t, 1, 2.1793434614120657, 1.6674571284974369, 0.5739667800027634, 0.09191646684351833,
    0.006186370171773716, 0.00012301886708101224)

// digamma(y + 1/2) - log(y), for y >= 1.5, with u = 1 / y^2.
def digammaFar(u) =
  polynomial(u, 1.4029143563671071e-18, 0.041666666666663854, 0.7547459384506504, 4.512108033240731,
    11.050718613078574, 11.15573612794092, 4.055487126553835, 0.34819112688019677)
  / polynomial(u, 1, 18.288902522793492, 111.39888883737562, 283.1239018272549, 308.63962408390137,
    133.4618725105632, 18.374090021574055, 0.4366608222493923)

// The zero 1.4616321449683623... is given by two doubles.
def digammaPositive(x) =
  if x >= 2 then let y = x - 0.5 in log(y) + digammaFar(1 / (y * y))
  else if x >= 1 then (x - 1.4616321449683622 - 9.549995429965697e-17) * digammaNear(x - 1)
  else (x - 0.46163214496836236 + 1.5522348162858677e-17) * digammaNear(x) - 1 / x

def digamma(x) =
  if x > 0 then digammaPositive(x)
  else if x == 0 then -1 / x
  else
    let r = apart(x) in
    if r == 0 then 0 / r else digammaPositive(-x) - 1 / x - pi * cos(pi * r) / sin(pi * r)

// 1 - y trigamma(y + 1/2), for y >= 2.5, with u = 1 / y^2.
def trigammaLack(u) =
  polynomial(u, 5.620331866632771e-19, 0.08333333333333155, 1.6829870786964676, 10.682317846571825, 25.500436489142015,
    21.231948376401157, 4.195160823591912)
  / polynomial(u, 1, 20.545844944346566, 135.10207417735788, 348.0010422177163, 346.4362546217461,
    113.28508845763281, 7.6968826707489)

def trigammaFar(x) = let y = x - 0.5 in (1 - trigammaLack(1 / (y * y))) / y

def trigammaPositive(x) =
  if x >= 3 then trigammaFar(x)
  else let a = x + 1, b = x + 2 in 1 / (x * x) + (1 / (a * a) + (1 / (b * b) + trigammaFar(x + 3)))

def trigamma(x) =
  if x > 0 then trigammaPositive(x)
  else if x == 0 then inf
  else let r = pi / sin(pi * apart(x)) in r * r - trigammaPositive(1 - x)

// Euler and Maclaurin's sum for x^-s + (x + 1)^-s + ..., after ten terms.
def zeta(s, x) =
  if x > 0 then
    let a = x + 10, v = 1 / (a * a) in
    a^-s * (a / (s - 1) + 0.5 + s / (12 * a) * (1 - (s + 1) * (s + 2) * v / 60 * (1 - (s + 3) * (s + 4) * v / 42
      * (1 - (s + 5) * (s + 6) * v / 40 * (1 - (s + 7) * (s + 8) * v * 10 / 396
      * (1 - (s + 9) * (s + 10) * v * 691 / 27300 * (1 - (s + 11) * (s + 12) * v * 0.025325))))))) +
    (x + 9)^-s + (x + 8)^-s + (x + 7)^-s + (x + 6)^-s + (x + 5)^-s + (x + 4)^-s + (x + 3)^-s + (x + 2)^-s + (x + 1)^-s + x^-s
  else if x == 0 then inf
  else 0 / 0

// With s = x / (2 + x), log(1 + x) is 2 atanh(s) = 2 (s + s^3 / 3 + ...), and 2 s - x is -s x.
def log1pmx(x) =
  if x > -0.5 and x < 1
    then let s = x / (2 + x), w = s * s in
      s * (2 * w * polynomial(w, 0.3333333333333333, 0.20000000000007456, 0.1428571428351453, 0.11111111362409382,
        0.09090894546491375, 0.07692789505129312, 0.06657003641335145, 0.060011469977136564, 0.04397433369474833,
        0.08087903454072548) - x)
  else if x < inf then log1p(x) - x
  else -x

// The series of the exponential; from 1 on, and down from -1, little of the difference cancels.
def expm1mx(x) =
  if abs(x) < 1
    then x * x * polynomial(x, 0.5, 0.16666666666666666, 0.041666666666666664, 0.008333333333333333, 0.001388888888888889, 0.0001984126984126984, 2.48015873015873e-05, 2.7557319223985893e-06, 2.755731922398589e-07, 2.505210838544172e-08, 2.08767569878681e-09, 1.6059043836821613e-10, 1.1470745597729725e-11, 7.647163731819816e-13, 4.779477332387385e-14, 2.8114572543455206e-15, 1.5619206968586225e-16, 8.22063524662433e-18)
  else if x < inf then expm1(x) - x
  else x

// The error of a power is y times that of 1 + x, that of the exponential is its argument: the smaller one is taken.
def pow1pm1(x, y) =
  let t = y * log1p(x) in
  if abs(t) <= 1 + abs(y) then expm1(t) else (1 + x) ^ y - 1

// digamma(x) - log(x) + 1 / (2 x), for x >= 5, with v = 1 / x^2: the derivative of Stirling's remainder.
def digammaLack(v) =
  v * polynomial(v, -0.08333333333333333, 0.008333333333285944, -0.003968253935959708, 0.00416665813091618,
    -0.007574614898532232, 0.021005300929365367, -0.07926773499051697, 0.3256265926601117, -0.9028944786552137)

// trigamma(x) - 1 / x - 1 / (2 x^2), for x >= 5: the derivative of that.
def trigammaRest(x) =
  let v = 1 / (x * x) in
  v / x * polynomial(v, 0.16666666666666646, -0.03333333333249917, 0.023809523239941902, -0.033333182387133904,
    0.07573729369049667, -0.25155201434893487, 1.0934711448758547, -4.941732198066556, 14.463536342272914)

def digammaRest(x) = digammaLack(1 / (x * x))

// Differences from x to x + y; for small y by Gauss's quadrature of the derivative at three points.
def stirlingStep(x, y) =
  if abs(y) < 0.01 * x
    then y / 18 * (5 * (digammaRest(x + 0.1127016653792583 * y) + digammaRest(x + 0.8872983346207417 * y))
      + 8 * digammaRest(x + y / 2))
    else stirling(1 / (x + y)) - stirling(1 / x)

def digammaStep(x, y) =
  if abs(y) < 0.01 * x
    then y / 18 * (5 * (trigammaRest(x + 0.1127016653792583 * y) + trigammaRest(x + 0.8872983346207417 * y))
      + 8 * trigammaRest(x + y / 2))
    else digammaRest(x + y) - digammaRest(x)

// Stirling's formula at x + y and x. The linear terms of the logarithm are taken out where they would cancel.
def logGammaRatioFar(x, y) =
  if y < x then (x + y - 0.5) * log1pmx(y / x) + (y - 0.5) * y / x + stirlingStep(x, y)
  else (x + y - 0.5) * log1p(y / x) - y + stirlingStep(x, y)

// logGammaRatio at x less that at x + 1. For x >= 1 the linear terms of the logarithms cancel.
def logGammaRatioStep(x, y) =
  if x < 1 then y * log1p(1 / x) - log1p(y / x) else y * log1pmx(1 / x) - log1pmx(y / x)

def logGammaRatioSlopeFar(x, y) = log1pmx(y / x) + y / (2 * x) / (x + y) + digammaStep(x, y)

// For small x both come from x + 5, since gamma(x + 5) is x (x + 1) ... (x + 4) gamma(x).
def logGammaRatio(x, y) =
  if x == inf then 0
  else if x >= 5 and x + y >= 5 then logGammaRatioFar(x, y)
  else if x > 0 and x + y > 0 then
    logGammaRatioFar(x + 5, y) + logGammaRatioStep(x, y)
    + (logGammaRatioStep(x + 1, y) + logGammaRatioStep(x + 2, y) + logGammaRatioStep(x + 3, y) + logGammaRatioStep(x + 4, y))
  else lgamma(x + y) - lgamma(x) - y * log(x)

// The slope at x less that at x + 1 is y (1 - y) / (x (x + 1) (x + y)): all of one sign.
def logGammaRatioSlope(x, y) =
  if x == inf then 0
  else if x >= 5 and x + y >= 5 then logGammaRatioSlopeFar(x, y)
  else if x > 0 and x + y > 0 then
    logGammaRatioSlopeFar(x + 5, y)
    + (1 - y) * (y / (x + y) / x / (x + 1) + y / ((x + 1) * (x + 2) * (x + 1 + y)) + y / ((x + 2) * (x + 3) * (x + 2 + y))
      + y / ((x + 3) * (x + 4) * (x + 3 + y)) + y / ((x + 4) * (x + 5) * (x + 4 + y)))
  else digamma(x + y) - digamma(x) - y / x
`
