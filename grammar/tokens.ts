/** Text -> tokens and comments. Characters that only look right are read as what they look like, and reported. */

import { createToken, Lexer, type IToken, type TokenType } from "chevrotain"
import { error, quote, warning, type Report } from "../src/diagnostics.ts"
import type { Source, Span } from "../src/source.ts"
import type { Comment } from "./ast.ts"

function token(
  name: string,
  pattern: RegExp | string,
  more: { categories?: TokenType[]; group?: string } = {},
) {
  return createToken({ name, pattern, label: typeof pattern === "string" ? pattern : name, ...more })
}

/** What stands between two operands; the parser builds the tree with the table of `operators.ts`. */
export const Infix = createToken({ name: "Infix", pattern: Lexer.NA })
/** What may stand in front of an operand. */
export const Prefix = createToken({ name: "Prefix", pattern: Lexer.NA })
/** What starts a bound of a domain: `> 0`. */
export const Relation = createToken({ name: "Relation", pattern: Lexer.NA })

// Every pattern takes linear time: none can match the same characters in two ways.
export const Space = token("Space", /[ \t\r\n]+/, { group: Lexer.SKIPPED })
export const LineComment = token("LineComment", /\/\/[^\r\n]*/, { group: "comments" })
export const BlockComment = token("BlockComment", /\/\*[^*]*(?:\*+[^*/][^*]*)*(?:\*+\/|\**)/)
export const HashComment = token("HashComment", /#[^\r\n]*/)

export const NumberToken = token("Number", /(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?/)
/** `1.` and `1.e5`, which other languages allow. */
export const NumberDot = token("NumberDot", /\d+\.(?:[eE][+-]?\d+|(?![.\w]))/)
export const Text = token("Text", /"[^"\r\n]*"/)
export const SingleQuoted = token("SingleQuoted", /'[^'\r\n]*'/)
export const OpenText = token("OpenText", /["'][^\r\n]*/)

// Latin, Greek, Cyrillic, Semitic, subscripts, kana, Han and Hangul letters, and mathematical letters.
const letter =
  "A-Za-z_\\u00aa\\u00b5\\u00ba\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u024f\\u0370-\\u03ff\\u0400-\\u052f" +
  "\\u0590-\\u06ff\\u1e00-\\u1fff\\u2071\\u207f-\\u209c\\u2102-\\u2138\\u3040-\\u30ff\\u4e00-\\u9fff\\uac00-\\ud7a3\\ud835\\udc00-\\udfff"
export const Word = token("Word", new RegExp(`[${letter}][0-9${letter}]*`))
/** Anything outside ASCII that is no letter; in runs, so that a text of nothing else is read quickly. */
export const Foreign = token(
  "Foreign",
  new RegExp(
    `[^\\u0000-\\u007f\\ud800-\\udfff${letter}]+|[\\ud800-\\udbff][\\udc00-\\udfff]|[\\u0080-\\uffff]`,
  ),
)
/** ASCII characters that no rule uses, controls included. */
export const Stray = token("Stray", /[^ -~\t\r\n]+|[^ \t\r\n]/)

/** A name; the words of the language have tokens of their own. */
export const Name = createToken({ name: "Name", label: "a name", pattern: Lexer.NA })

const word = (text: string, categories: TokenType[] = []) =>
  createToken({ name: text[0]!.toUpperCase() + text.slice(1), label: text, pattern: Lexer.NA, categories })
export const And = word("and", [Infix])
export const Def = word("def")
export const Else = word("else")
export const False = word("false")
export const FoldWord = word("fold")
export const IfWord = word("if")
export const In = word("in")
export const LetWord = word("let")
export const LossWord = word("loss")
export const Not = word("not", [Prefix])
export const Or = word("or", [Infix])
export const Scan = word("scan")
export const Then = word("then")
export const True = word("true")
export const UseWord = word("use")
export const Where = word("where")

/** The sixteen reserved words; everything else is an ordinary name. */
export const reserved: ReadonlyMap<string, TokenType> = new Map(
  // prettier-ignore
  [And, Def, Else, False, FoldWord, IfWord, In, LetWord, LossWord, Not, Or, Scan, Then, True, UseWord, Where].map(
    (type) => [type.LABEL!, type],
  ),
)

// Longer symbols come before their beginnings. Those that are foreign here are operators all the same:
// they are reported once and then mean what was meant.
export const Assign = token("Assign", /[-+*/]=|:=/, { categories: [Infix] })
export const StrictEqual = token("StrictEqual", /[=!]==/, { categories: [Infix] })
export const FatArrow = token("FatArrow", "=>")
export const EqualEqual = token("EqualEqual", "==", { categories: [Infix] })
export const NotEqual = token("NotEqual", "!=", { categories: [Infix, Relation] })
export const LessEqual = token("LessEqual", "<=", { categories: [Infix, Relation] })
export const GreaterEqual = token("GreaterEqual", ">=", { categories: [Infix, Relation] })
export const Unequal = token("Unequal", "<>", { categories: [Infix] })
export const Less = token("Less", "<", { categories: [Infix, Relation] })
export const Greater = token("Greater", ">", { categories: [Infix, Relation] })
export const Equal = token("Equal", "=", { categories: [Infix] })
export const ThinArrow = token("ThinArrow", "->")
export const Plus = token("Plus", "+", { categories: [Infix, Prefix] })
export const Minus = token("Minus", "-", { categories: [Infix, Prefix] })
export const StarStar = token("StarStar", "**", { categories: [Infix] })
export const Star = token("Star", "*", { categories: [Infix] })
export const Slash = token("Slash", "/", { categories: [Infix] })
export const Caret = token("Caret", "^", { categories: [Infix] })
export const Percent = token("Percent", "%", { categories: [Infix] })
export const At = token("At", "@", { categories: [Infix] })
export const AndAnd = token("AndAnd", "&&", { categories: [Infix] })
export const Ampersand = token("Ampersand", "&", { categories: [Infix] })
export const OrOr = token("OrOr", "||", { categories: [Infix] })
export const Bar = token("Bar", "|", { categories: [Infix] })
export const Bang = token("Bang", "!", { categories: [Prefix] })
export const Tilde = token("Tilde", "~", { categories: [Prefix] })
export const Default = token("Default", "??", { categories: [Infix] })
export const Question = token("Question", "?")
export const Rest = token("Rest", "...")
export const DotDot = token("DotDot", "..")
export const Dot = token("Dot", ".")
export const Colon = token("Colon", ":")
export const Comma = token("Comma", ",")
export const Semicolon = token("Semicolon", ";")
export const LParen = token("LParen", "(")
export const RParen = token("RParen", ")")
export const LBracket = token("LBracket", "[")
export const RBracket = token("RBracket", "]")
export const LBrace = token("LBrace", "{")
export const RBrace = token("RBrace", "}")

// prettier-ignore
const symbols = [
  Assign, StrictEqual, FatArrow, EqualEqual, NotEqual, LessEqual, GreaterEqual, Unequal, Less, Greater, Equal,
  ThinArrow, Plus, Minus, StarStar, Star, Slash, Caret, Percent, At, AndAnd, Ampersand, OrOr, Bar, Bang, Tilde,
  Default, Question, Rest, DotDot, Dot, Colon, Comma, Semicolon, LParen, RParen, LBracket, RBracket, LBrace, RBrace,
]

// prettier-ignore
const lexed = [
  Space, LineComment, BlockComment, HashComment, NumberDot, NumberToken, Text, SingleQuoted, OpenText, Word,
  ...symbols, Foreign, Stray,
]

/** Everything the parser may meet. */
export const vocabulary: TokenType[] = [
  ...[Infix, Prefix, Relation, Name, NumberToken, Text],
  ...reserved.values(),
  ...symbols,
]

const lexer = new Lexer(lexed, { positionTracking: "onlyOffset", skipValidations: true })

/** Characters that look like one of ours, and the one they look like. */
const lookalikes: ReadonlyMap<string, TokenType> = new Map([
  ...pairs("−–—‒﹣－", Minus),
  ...pairs("×∗⋅·∙•＊", Star),
  ...pairs("÷∕／", Slash),
  ...pairs("＋", Plus),
  ...pairs("≤⩽", LessEqual),
  ...pairs("≥⩾", GreaterEqual),
  ...pairs("≠", NotEqual),
  ...pairs("＝", Equal),
  ...pairs("＜‹", Less),
  ...pairs("＞›", Greater),
  ...pairs("∧", And),
  ...pairs("∨", Or),
  ...pairs("¬", Not),
  ...pairs("（", LParen),
  ...pairs("）", RParen),
  ...pairs("，、", Comma),
  ...pairs("；", Semicolon),
  ...pairs("：", Colon),
  ...pairs("…", Rest),
  ...pairs("∞", Name),
])

/** How foreign letters and signs are spelled here. */
const spellings: ReadonlyMap<string, string> = new Map(
  // prettier-ignore
  Object.entries({
    α: "alpha", β: "beta", γ: "gamma", δ: "delta", ε: "epsilon", ϵ: "epsilon", ζ: "zeta", η: "eta", θ: "theta",
    κ: "kappa", λ: "lambda", μ: "mu", µ: "mu", ν: "nu", ξ: "xi", π: "pi", ρ: "rho", σ: "sigma", τ: "tau",
    φ: "phi", ϕ: "phi", χ: "chi", ψ: "psi", ω: "omega", "∞": "inf", "…": "...", "²": "^2", "³": "^3", "√": "sqrt",
    Σ: "sum", "∑": "sum", Π: "prod", "∏": "prod", Δ: "Delta", Γ: "Gamma", Λ: "Lambda", Φ: "Phi", Ω: "Omega",
    Θ: "Theta", "‖": "norm", "⟨": "dot", "∈": "in",
  }),
)

function pairs(characters: string, type: TokenType): [string, TokenType][] {
  return [...characters].map((one) => [one, type])
}

/** What a text consists of, in order. */
export interface Lexed {
  readonly tokens: IToken[]
  readonly comments: readonly Comment[]
  /** Where characters were reported and left out. */
  readonly dropped: ReadonlySet<number>
}

/** Reads a text as tokens; what is wrong with single characters goes into the report. */
export function lex(source: Source, report: Report): Lexed {
  const { tokens, groups } = lexer.tokenize(source.text)
  const kept: IToken[] = []
  const dropped = new Set<number>()
  for (const found of tokens) {
    if (report.full) break
    if (found.tokenType === Word) readWord(found, source, report, kept)
    else if (odd.has(found.tokenType)) readOdd(found, source, report, kept, dropped)
    else kept.push(found)
  }
  return { tokens: kept, comments: (groups["comments"] ?? []).map(commentOf), dropped }
}

const odd = new Set([BlockComment, HashComment, NumberDot, SingleQuoted, OpenText, Foreign, Stray])

/** Where a token stands. */
export function spanOf(of: IToken): Span {
  return { start: of.startOffset, end: of.startOffset + of.image.length }
}

/** The same token as another type. */
function become(found: IToken, type: TokenType, image = found.image): IToken {
  found.tokenType = type
  found.tokenTypeIdx = type.tokenTypeIdx!
  if (image !== found.image) found.payload = image
  return found
}

function readWord(found: IToken, source: Source, report: Report, kept: IToken[]): void {
  kept.push(become(found, reserved.get(found.image) ?? Name))
  if (/^\w*$/.test(found.image)) return
  const spelled = [...found.image].map((one) => spellings.get(one) ?? one).join("")
  report.add(
    error(
      "foreign-character",
      source,
      spanOf(found),
      `${quote(found.image)} has letters that names cannot have`,
      {
        label: "names are ASCII letters, digits and underscore",
        help: /^[A-Za-z_]\w*$/.test(spelled) ? `write ${quote(spelled)}` : undefined,
      },
    ),
  )
}

function readOdd(found: IToken, source: Source, report: Report, kept: IToken[], dropped: Set<number>): void {
  const span = spanOf(found)
  const image = found.image
  switch (found.tokenType) {
    case BlockComment: {
      const opener = { start: span.start, end: span.start + 2 }
      report.add(
        error("block-comment", source, opener, "comments reach to the end of the line here", {
          help: "begin each line with `//`",
        }),
      )
      break
    }
    case HashComment:
      report.add(
        error(
          "hash-comment",
          source,
          { start: span.start, end: span.start + 1 },
          "a comment begins with `//` here",
          {
            help: "write `//`",
          },
        ),
      )
      break
    case NumberDot: {
      const fixed = image.replace(".", "")
      report.add(
        error("number-dot", source, span, `${quote(image)}: a point needs a digit on its right`, {
          help: `write ${quote(fixed)} or ${quote(image.replace(".", ".0"))}`,
        }),
      )
      kept.push(become(found, NumberToken, fixed))
      break
    }
    case SingleQuoted: {
      const fixed = `"${image.slice(1, -1).replaceAll('"', "")}"`
      report.add(
        error("single-quotes", source, span, "a text stands between double quotes", {
          help: /^'[\w-]+'$/.test(image) ? `write ${quote(fixed)}` : undefined,
        }),
      )
      kept.push(become(found, Text, fixed))
      break
    }
    case OpenText:
      report.add(
        error(
          "open-string",
          source,
          { start: span.start, end: span.start + 1 },
          "this quotation mark is never closed",
          {
            label: "the text has to end on the same line",
          },
        ),
      )
      kept.push(become(found, Text, `"${image.slice(1).replaceAll('"', "")}"`))
      break
    case Foreign: {
      let at = span.start
      for (const character of image) {
        if (report.full) break
        readForeign({ ...found, image: character, startOffset: at }, source, report, kept, dropped)
        at += character.length
      }
      break
    }
    default:
      dropped.add(span.start)
      report.add(
        error("foreign-character", source, span, `${shown(image)} is not a character of the language`),
      )
  }
}

function readForeign(
  found: IToken,
  source: Source,
  report: Report,
  kept: IToken[],
  dropped: Set<number>,
): void {
  const span = spanOf(found)
  const type = lookalikes.get(found.image)
  if (type) {
    const meant = spellings.get(found.image) ?? type.LABEL ?? type.name
    report.add(
      error(
        "foreign-character",
        source,
        span,
        `${shown(found.image)} looks like ${quote(meant)} but is another character`,
        { help: `write ${quote(meant)}` },
      ),
    )
    kept.push(become(found, type, meant))
    return
  }
  dropped.add(span.start)
  const spelled = spellings.get(found.image)
  report.add(
    error("foreign-character", source, span, `${shown(found.image)} is not a character of the language`, {
      help: spelled && `write ${quote(spelled)}`,
    }),
  )
}

/** A character that may be invisible. */
function shown(character: string): string {
  const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")
  return /^[\p{L}\p{N}\p{P}\p{S}]$/u.test(character) ? quote(character) : `the character U+${code}`
}

function commentOf(found: IToken): Comment {
  const doc = found.image.startsWith("///") && !found.image.startsWith("////")
  const text = found.image
    .slice(doc ? 3 : 2)
    .replace(/^ /, "")
    .trimEnd()
  return { kind: "comment", text, doc, span: spanOf(found) }
}

/** The text that a token stands for, which is not what was written if that had to be mended. */
export function meaning(of: IToken): string {
  return typeof of.payload === "string" ? of.payload : of.image
}

/**
 * Warns about comments that look like the right side of an operator: in `x // 2` the division of other
 * languages silently is a comment.
 */
export function hiddenCode(source: Source, { tokens, comments }: Lexed, report: Report): void {
  let at = 0
  for (const comment of comments) {
    while (at < tokens.length && tokens[at]!.startOffset < comment.span.start) at++
    const before = tokens[at - 1]
    if (comment.doc || !before || !endsOperand(before)) continue
    const between = source.text.slice(before.startOffset + before.image.length, comment.span.start)
    if (/[\r\n]/.test(between) || !/^(?:\.?\d|\([^()]*\)|[A-Za-z_]\w*(?:\([^()]*\))?\s*$)/.test(comment.text))
      continue
    // A lone word is code only if it stands for something in this text.
    const lone = /^[A-Za-z_]\w*/.exec(comment.text)?.[0]
    if (lone && !tokens.some((one) => one.image === lone)) continue
    report.add(
      warning("comment-hides-code", source, comment.span, "what follows `//` is a comment, not a division", {
        help: `for floor division write \`div(a, b)\`; for a remark, begin with another word`,
      }),
    )
  }
}

/** Whether an operand can end with this token. */
export function endsOperand({ tokenType }: IToken): boolean {
  return operandEnds.has(tokenType)
}

const operandEnds = new Set([Name, NumberToken, Text, True, False, RParen, RBracket])
