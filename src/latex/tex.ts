// Pieces of LaTeX, with what those around them must know: how tightly a piece holds together, and how wide and tall it is.
//
// Only macros that GitHub's MathJax and KaTeX both take: \operatorname, \mbox and \phantom are not among them.

/** A piece of a formula. */
export interface Tex {
  readonly text: string
  /** See `levels`. */
  readonly level: number
  /** About how many letters wide it is. */
  readonly width: number
  /** Whether brackets around it should grow. */
  readonly tall: boolean
  /** Whether it reaches to the right without a sign of its end, as a sum over an index does. */
  readonly open: boolean
}

/** How tightly operators bind. */
export const levels = {
  none: 0,
  or: 1,
  and: 2,
  not: 3,
  comparison: 4,
  sum: 5,
  product: 6,
  power: 9,
  atom: 10,
} as const

/** A term of a sum with its sign. */
export interface SignedTex {
  readonly tex: Tex
  readonly negative: boolean
}

/** A piece that nothing can tear apart. */
export const atom = (text: string, width: number, tall = false): Tex => ({
  text,
  level: levels.atom,
  width,
  tall,
  open: false,
})

/** The name of what is left out. */
export const nothing = atom("", 0)

const greek = new Set(
  "alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi chi psi omega".split(
    " ",
  ),
)

/** A name of the language: a letter, a Greek letter, or a word. */
export function word(name: string): Tex {
  if (name === "...") return atom("\\ldots", 1)
  if (name.length === 1) return atom(name, 1)
  if (greek.has(name)) return atom(`\\${name}`, 1)
  return atom(`\\mathit{${escaped(name)}}`, name.length)
}

/** A word that a choice can be. */
export const literal = (name: string): Tex => atom(`\\mathtt{${escaped(name)}}`, name.length)

/** The name of a function that has no sign of its own. */
export const functionName = (name: string): string => `\\mathop{\\mathrm{${escaped(name)}}}`

const escaped = (name: string): string =>
  name.replace(/[^A-Za-z0-9]/g, (c) => (c === "-" ? "\\text{-}" : `\\${c}`))

// ------------------------------------------------------------------------------------------------ numbers

const constants: readonly (readonly [text: string, value: number])[] = [
  ["e", Math.E],
  ["\\pi", Math.PI],
  ["\\pi^{2}", Math.PI ** 2],
  ["\\log(2)", Math.LN2],
  ["\\log(\\pi)", Math.log(Math.PI)],
  ["\\log(2\\pi)", Math.log(2 * Math.PI)],
  ["\\sqrt{2}", Math.SQRT2],
  ["\\sqrt{\\pi}", Math.sqrt(Math.PI)],
  ["\\sqrt{2\\pi}", Math.sqrt(2 * Math.PI)],
]

/** A number that is not negative: short decimals and powers of ten as they are, else a fraction or a known constant if it is one. */
export function numeral(value: number): Tex {
  if (value === Infinity) return atom("\\infty", 1)
  if (Number.isNaN(value)) return atom("\\mathrm{NaN}", 3)
  const [digits, exponent = "0"] = value.toExponential().split("e") as [string, string]
  const places = digits.replace(".", "").length
  if (value !== 0 && (value < 1e-3 || value >= 1e6) && places <= 6) {
    const ten = `10^{${Number(exponent)}}`
    if (digits === "1") return { ...atom(ten, 3), level: levels.power }
    return { ...atom(`${digits} \\cdot ${ten}`, places + 4), level: levels.product }
  }
  if (Number.isInteger(value) || places <= 4) return atom(String(value), String(value).length)
  const plain = rational(value)
  if (plain) return fraction(numeral(plain[0]), numeral(plain[1]))
  for (const [text, constant] of constants) {
    const sign = { ...atom(text, 2), level: levels.product }
    const above = rational(value / constant)
    if (above) return product(coefficient(above[0], [sign]), above[1] === 1 ? [] : [numeral(above[1])])
    const below = rational(value * constant)
    if (below) return fraction(numeral(below[0]), product(coefficient(below[1], [sign]), []))
  }
  return atom(String(value).replace(/e(.*)/, " \\cdot 10^{$1}"), String(value).length)
}

const coefficient = (value: number, rest: readonly Tex[]): Tex[] =>
  value === 1 ? [...rest] : [numeral(value), ...rest]

/** Small whole numbers with this quotient, if there are any. */
function rational(value: number): readonly [above: number, below: number] | undefined {
  for (let below = 1; below <= 12; below++) {
    const above = Math.round(value * below)
    if (above > 0 && above <= 64 && Math.abs(above / below - value) <= 4e-16 * value) return [above, below]
  }
  return undefined
}

// ------------------------------------------------------------------------------------------------ combinations

const brackets = (open: string, inside: Tex, close: string): Tex =>
  inside.tall
    ? atom(`\\left${open}${inside.text}\\right${close}`, inside.width + 2, true)
    : atom(`${open}${inside.text}${close}`, inside.width + 2)

/** A piece in round brackets if it binds less tightly than its surroundings ask. */
export const within = (tex: Tex, level: number): Tex => (tex.level < level ? brackets("(", tex, ")") : tex)

/** 1 where a condition holds, else 0. */
export const iverson = (condition: Tex): Tex => brackets("[", condition, "]")

/** Pieces side by side with a sign between them. */
export function joined(list: readonly Tex[], sign: string, width: number, level: number): Tex {
  const inside = list.map((x) => within(x, level + 1))
  return {
    text: inside.map((x) => x.text).join(sign),
    level,
    width: inside.reduce((sum, x) => sum + x.width, width * (list.length - 1)),
    tall: inside.some((x) => x.tall),
    open: false,
  }
}

/** A sum of signed terms, in order. */
export function sum(list: readonly SignedTex[]): Tex {
  const parts = list.map((one, i) => signed(one, i === 0))
  const [only] = list
  if (list.length === 1 && !only!.negative) return only!.tex
  return {
    text: parts.map((x) => x.text).join(" "),
    level: levels.sum,
    width: parts.reduce((total, x) => total + x.width, 0),
    tall: parts.some((x) => x.tall),
    open: false,
  }
}

/** A term as it stands in a sum. */
export function signed({ tex, negative }: SignedTex, first: boolean): Tex {
  const inside = within(tex, negative ? levels.product : levels.sum)
  const sign = negative ? (first ? "-" : "- ") : first ? "" : "+ "
  return { ...inside, text: sign + inside.text, width: inside.width + (first ? 1 : 3) }
}

/** A product over a product. What reaches to the right without an end stands last, behind the fraction. */
export function product(above: readonly Tex[], below: readonly Tex[]): Tex {
  const ordered = [...above.filter((x) => !x.open), ...above.filter((x) => x.open)]
  if (below.length === 0) return times(ordered)
  const behind = ordered.filter((x) => x.open)
  const top = ordered.filter((x) => !x.open)
  const quotient = fraction(times(top), times(below))
  return behind.length === 0 ? quotient : times([quotient, ...behind])
}

function times(list: readonly Tex[]): Tex {
  if (list.length === 0) return numeral(1)
  if (list.length === 1) return list[0]!
  const inside = list.map((x, i) => within(x, x.open && i < list.length - 1 ? levels.atom : levels.product))
  let text = ""
  inside.forEach((x, i) => {
    const number = i > 0 && /^[\d.]+$/.test(inside[i - 1]!.text)
    text += i === 0 ? "" : /^\d/.test(x.text) ? " \\cdot " : number ? " " : " \\, "
    text += x.text
  })
  return {
    text,
    level: levels.product,
    width: inside.reduce((total, x) => total + x.width + 0.5, 0),
    tall: inside.some((x) => x.tall),
    open: inside.at(-1)!.open,
  }
}

/** A quotient with a bar. */
export const fraction = (above: Tex, below: Tex): Tex => ({
  text: `\\frac{${above.text}}{${below.text}}`,
  level: levels.product,
  width: Math.max(above.width, below.width) + 1,
  tall: true,
  open: false,
})

/** A power. */
export function power(base: Tex, exponent: Tex): Tex {
  const inside = within(base, levels.atom)
  return {
    text: `${inside.text}^{${exponent.text}}`,
    level: levels.power,
    width: inside.width + 0.7 * exponent.width,
    tall: inside.tall,
    open: false,
  }
}

/** A name at indices; those that are left out do not show. */
export function indexed(name: Tex, index: readonly Tex[]): Tex {
  const shown = index.filter((x) => x !== nothing)
  if (shown.length === 0) return name
  const list = joined(shown, ",", 0.5, 0)
  return atom(`${name.text}_{${list.text}}`, name.width + 0.7 * list.width)
}

/** Arguments in round brackets behind the name of a function. */
export function applied(name: string, args: readonly Tex[]): Tex {
  const list = brackets("(", joined(args, ", ", 1, 0), ")")
  return atom(name + list.text, 3 + list.width, list.tall)
}

/** A template of the operator table with its parameters filled in; its brackets grow with what they hold. */
export function filled(template: string, params: readonly string[], args: readonly Tex[]): Tex {
  const tall = args.some((x) => x.tall) && !/[_^]?\{\$/.test(template)
  const grown = tall
    ? template
        .replace(/\(|\\l(?=vert|floor|ceil)/, "\\left$&")
        .replace(/\)|\\r(?=vert|floor|ceil)/, "\\right$&")
    : template
  const text = grown.replace(/\$(\w+)/g, (_, name: string) => args[params.indexOf(name)]!.text)
  return {
    text,
    level: template.includes("^{") ? levels.power : levels.atom,
    width: args.reduce((total, x) => total + x.width + 1, 3),
    tall: args.some((x) => x.tall),
    open: false,
  }
}

/** A sign with a range below and perhaps a last index above, and what it runs over. */
export function big(sign: string, below: Tex, above: Tex | undefined, body: Tex): Tex {
  const inside = within(body, levels.product)
  return {
    text: `${sign}_{${below.text}}${above ? `^{${above.text}}` : ""} ${inside.text}`,
    level: levels.product,
    width: 1 + Math.max(2, 0.7 * below.width) + inside.width,
    tall: true,
    open: true,
  }
}

/** The first value whose condition holds. */
export function cases(rows: readonly { readonly value: Tex; readonly condition: Tex | undefined }[]): Tex {
  const lines = rows.map(
    ({ value, condition }) =>
      `${value.text} & ${condition ? `\\text{if } ${condition.text}` : "\\text{otherwise}"}`,
  )
  return {
    text: `\\begin{cases} ${lines.join(" \\\\ ")} \\end{cases}`,
    level: levels.none,
    width:
      Math.max(...rows.map(({ value }) => value.width)) +
      Math.max(...rows.map(({ condition }) => (condition?.width ?? 6) + 4)),
    tall: true,
    open: false,
  }
}
