/** The words and signs of the language, and of its neighbours as far as they are understood. */

import { createToken, Lexer, type IToken, type TokenType } from "chevrotain"
import type { Span } from "../src/source.ts"

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
/** Everything the lexer looks for, in this order. */
export const lexed = [
  Space, LineComment, BlockComment, HashComment, NumberDot, NumberToken, Text, SingleQuoted, OpenText, Word,
  ...symbols, Foreign, Stray,
]

/** Everything the parser may meet. */
export const vocabulary: TokenType[] = [
  ...[Infix, Prefix, Relation, Name, NumberToken, Text],
  ...reserved.values(),
  ...symbols,
]

/** Where a token stands. */
export function spanOf(of: IToken): Span {
  return { start: of.startOffset, end: of.startOffset + of.image.length }
}

/** The text that a token stands for, which is not what was written if that had to be mended. */
export function meaning(of: IToken): string {
  return typeof of.payload === "string" ? of.payload : of.image
}

/** Whether an operand can end with this token. */
export function endsOperand({ tokenType }: IToken): boolean {
  return operandEnds.has(tokenType)
}

const operandEnds = new Set([Name, NumberToken, Text, True, False, RParen, RBracket])
