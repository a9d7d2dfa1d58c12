/** Text -> tokens and comments. Characters that only look right are read as what they look like, and reported. */

import { Lexer, type IToken, type TokenType } from "chevrotain"
import { error, quote, warning, type Report } from "../src/diagnostics.ts"
import type { Source } from "../src/source.ts"
import type { Comment } from "./ast.ts"
import {
  And,
  BlockComment,
  Colon,
  Comma,
  Equal,
  Foreign,
  Greater,
  GreaterEqual,
  HashComment,
  LParen,
  Less,
  LessEqual,
  Minus,
  Name,
  Not,
  NotEqual,
  NumberDot,
  NumberToken,
  OpenText,
  Or,
  Plus,
  RParen,
  Rest,
  Semicolon,
  SingleQuoted,
  Slash,
  Star,
  Stray,
  Text,
  Word,
  endsOperand,
  lexed,
  reserved,
  spanOf,
} from "./tokens.ts"

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
