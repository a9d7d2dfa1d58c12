/** Text -> tree. Each declaration is parsed by itself, so that every one of them reports its own errors. */

import {
  EOF,
  isRecognitionException,
  NotAllInputParsedException,
  type IToken,
  type ParserMethod,
} from "chevrotain"
import {
  error,
  LossError,
  mostDiagnostics,
  nearest,
  quote,
  Report,
  warning,
  type Diagnostic,
} from "../src/diagnostics.ts"
import { source as sourceOf, type Source, type Span } from "../src/source.ts"
import type { Argument, Bare, Binding, Body, Declaration, Def, Expr, File, Loss, Use } from "./ast.ts"
import { balanced, cut } from "./brackets.ts"
import { ExpressionParser } from "./expressions.ts"
import { hiddenCode, lex, type Lexed } from "./lex.ts"
import { leftOver, type Problem } from "./messages.ts"
import { Abandon, type Reading, type SyntaxLimits } from "./reader.ts"
import * as t from "./tokens.ts"

export type { SyntaxLimits } from "./reader.ts"

/** The bounds that hold where the caller sets no others. */
export const syntaxLimits: SyntaxLimits = {
  source: 1 << 20,
  tokens: 200_000,
  nesting: 200,
  chain: 1000,
  diagnostics: mostDiagnostics,
}

/** What came of a text. */
export interface Parsed {
  /** The declarations that were read without an error. */
  readonly file: File
  /** Whether that is all of them. If not, `diagnostics` says why. */
  readonly complete: boolean
  readonly diagnostics: readonly Diagnostic[]
}

/** How a text is parsed. */
export interface ParseOptions {
  readonly limits?: Partial<SyntaxLimits>
}

/** The grammar of whole declarations. Tests construct it with chevrotain's validations on. */
export class LossParser extends ExpressionParser {
  constructor(validate = false) {
    super(validate)
    this.performSelfAnalysis()
  }

  readonly use = this.RULE("use", (): Use => {
    const docs = this.docs()
    const start = this.CONSUME(t.UseWord)
    const path = this.textOf(this.CONSUME(t.Text))
    this.OPTION(() => this.tell(needlessSemicolon, this.CONSUME(t.Semicolon)))
    return { kind: "use", docs, path, span: this.since(start) }
  })

  readonly def = this.RULE("def", (): Def => {
    const docs = this.docs()
    const start = this.CONSUME(t.Def)
    const name = this.nameOf(this.CONSUME(t.Name))
    const axes = this.OPTION(() => this.SUBRULE(this.axes)) ?? []
    this.CONSUME(t.LParen)
    const parameters = this.SUBRULE(this.arguments)
    this.CONSUME(t.RParen)
    this.CONSUME(t.Equal)
    const body = this.SUBRULE(this.expression)
    this.besides(0)
    const span = this.since(start)
    this.OPTION1(() => this.tell(needlessSemicolon, this.CONSUME(t.Semicolon)))
    return { kind: "def", docs, name, axes, arguments: parameters, body, span }
  })

  readonly loss = this.RULE("loss", (): Loss => {
    const docs = this.docs()
    const start = this.CONSUME(t.LossWord)
    const name = this.nameOf(this.CONSUME(t.Name))
    const axes = this.OPTION(() => this.SUBRULE(this.axes)) ?? []
    this.CONSUME(t.LParen)
    const parameters = this.SUBRULE(this.arguments)
    const options = this.OPTION1((): readonly Argument[] => {
      this.CONSUME(t.Semicolon)
      return this.SUBRULE1(this.arguments)
    })
    this.CONSUME(t.RParen)
    this.CONSUME(t.Equal)
    const body = this.SUBRULE(this.body)
    const span = this.since(start)
    this.OPTION2(() => this.tell(needlessSemicolon, this.CONSUME1(t.Semicolon)))
    return { kind: "loss", docs, name, axes, arguments: parameters, options: options ?? [], body, span }
  })

  readonly bare = this.RULE("bare", (): Bare => {
    const docs = this.docs()
    const start = this.LA(1)
    const body = this.SUBRULE(this.body)
    const span = this.since(start)
    this.OPTION(() => this.tell(needlessSemicolon, this.CONSUME(t.Semicolon)))
    return { kind: "bare", docs, body, span }
  })

  private readonly body = this.RULE("body", (): Body => {
    const start = this.LA(1)
    const expression = this.SUBRULE(this.expression)
    this.besides(0)
    const tails: { word: IToken; value: Expr }[] = []
    this.MANY({
      GATE: () => this.LA(1).tokenType === t.Where || this.aheadWord("per", "norm"),
      DEF: () => {
        const word = this.OR([{ ALT: () => this.CONSUME(t.Where) }, { ALT: () => this.CONSUME(t.Name) }])
        const value = this.SUBRULE1(this.expression)
        this.besides(1)
        tails.push({ word, value })
      },
    })
    return this.ACTION(() => {
      // The bindings of a `let` without parentheses are seen by the tails too.
      const open = start.tokenType === t.LetWord && expression.kind === "let"
      const bindings: readonly Binding[] = open ? expression.bindings : []
      const value = open ? expression.body : expression
      return { kind: "body", bindings, value, ...this.tails(tails), span: this.since(start) }
    })
  })

  private tails(tails: readonly { word: IToken; value: Expr }[]): Pick<Body, "where" | "per"> {
    let where: Expr | undefined
    let per: Expr | undefined
    for (const { word, value } of tails) {
      const isWhere = word.tokenType === t.Where
      if (word.image === "norm") {
        const message = "the weight of a row is written with `per`"
        this.tell({ code: "norm-tail", message, help: "write `per` instead of `norm`" }, word)
      }
      if (isWhere ? where : per) {
        const help = isWhere ? "join the conditions with `and`" : "multiply the weights"
        this.tell({ code: "tail-twice", message: `there is one ${quote(word.image)}`, help }, word)
      } else if (isWhere && per) {
        const message = "`where` stands in front of `per`"
        this.tell({ code: "tail-order", message, help: "write `where … per …`" }, word)
      }
      if (isWhere) where ??= value
      else per ??= value
    }
    return { where, per }
  }

  /** An expression and nothing else. */
  readonly single = this.RULE("single", (): Expr => {
    const value = this.SUBRULE(this.expression)
    this.besides(0)
    return value
  })

  /** Runs one rule over one declaration; `undefined` if that raised an error. */
  run<T>(rule: ParserMethod<[], T>, reading: Reading, tokens: IToken[]): T | undefined {
    const before = reading.report.errors
    try {
      this.begin(reading, tokens)
      const result = rule.call(this)
      const failure = this.errors[0]
      if (failure) {
        const { token, message } = failure
        if (failure instanceof NotAllInputParsedException) {
          const previous = tokens[tokens.indexOf(token) - 1] ?? token
          this.tell(leftOver(token, previous, (rule as { ruleName?: string }).ruleName ?? ""), token)
        } else if (isRecognitionException(failure)) {
          this.tellAt(JSON.parse(message) as Problem, token, tokens)
        }
      }
      return reading.report.errors > before ? undefined : result
    } catch (failure) {
      if (failure instanceof RangeError) {
        const span = t.spanOf(tokens[0]!)
        const message = "nested too deep for the stack that is left"
        reading.report.add(
          error("too-deep", reading.source, span, message, { help: "name parts with `let`" }),
        )
      } else if (!(failure instanceof Abandon)) throw failure
      return undefined
    }
  }

  /** After the end of the parse, the last token is no longer the previous one. */
  private tellAt(problem: Problem, token: IToken, tokens: readonly IToken[]): void {
    if (token.tokenType !== EOF) return this.tell(problem, token)
    const { end } = t.spanOf(tokens.at(-1)!)
    this.note(problem.code, { start: end, end }, problem.message, problem.help ? { help: problem.help } : {})
  }
}

const needlessSemicolon: Problem = {
  code: "extra-semicolon",
  message: "nothing ends with `;`",
  help: "leave it out",
}

let shared: LossParser | undefined

/** The parser is built once, at the first use; each parse starts it afresh. */
function parser(): LossParser {
  return (shared ??= new LossParser())
}

/** Reads a whole text: every declaration, and everything that is wrong with it. */
export function parse(source: Source, options: ParseOptions = {}): Parsed {
  const limits = { ...syntaxLimits, ...options.limits }
  const report = new Report(limits.diagnostics)
  const declarations: Declaration[] = []
  const end = source.text.length
  const finish = (comments: File["comments"]): Parsed => ({
    file: { kind: "file", source, declarations, comments, span: { start: 0, end } },
    complete: !report.failed,
    diagnostics: report.diagnostics,
  })
  const lexed = read(source, limits, report)
  if (!lexed) return finish([])
  const { tokens, comments, dropped } = lexed
  if (tokens.length === 0) {
    if (!report.failed)
      report.add(
        error("empty-source", source, { start: 0, end: Math.min(end, 1) }, "there is no loss in this text"),
      )
    return finish(comments)
  }
  const reading: Reading = { source, report, comments, dropped, attached: new Set(), limits }
  const parts = cut(tokens)
  for (const part of parts) {
    if (report.full) break
    const whole = balanced(part, source, report)
    const stray = notADeclaration(part, parts.length)
    if (stray) report.add(error(stray.code, source, t.spanOf(part[0]!), stray.message, help(stray)))
    else if (whole) {
      const declaration = parseDeclaration(part, reading)
      if (declaration) declarations.push(declaration)
    }
  }
  const loose = comments.filter((comment) => !reading.attached.has(comment))
  if (!report.failed) lint(source, lexed, loose, report)
  return finish(loose)
}

/** Reads one expression, as the rules and the operator table write them. Throws a `LossError`. */
export function parseExpression(source: Source | string, options: ParseOptions = {}): Expr {
  const of = typeof source === "string" ? sourceOf(source, "expression") : source
  const limits = { ...syntaxLimits, ...options.limits }
  const report = new Report(limits.diagnostics)
  const lexed = read(of, limits, report)
  if (lexed && lexed.tokens.length === 0)
    report.add(
      error(
        "expected-expression",
        of,
        { start: 0, end: of.text.length },
        "there is no expression in this text",
      ),
    )
  if (lexed && !report.failed && balanced(lexed.tokens, of, report)) {
    const { tokens, comments, dropped } = lexed
    const reading: Reading = { source: of, report, comments, dropped, attached: new Set(), limits }
    const result = parser().run(parser().single, reading, tokens)
    if (result) return result
  }
  throw new LossError(report.diagnostics)
}

/** The tokens of a text that is short enough. */
function read(source: Source, limits: SyntaxLimits, report: Report): Lexed | undefined {
  const { text } = source
  if (text.length > limits.source) {
    const message = `this text has ${text.length} characters; at most ${limits.source} are read`
    report.add(error("source-too-long", source, { start: 0, end: 1 }, message))
    return undefined
  }
  const lexed = lex(source, report)
  if (lexed.tokens.length > limits.tokens) {
    const message = `this text has ${lexed.tokens.length} words and signs; at most ${limits.tokens} are read`
    report.add(error("too-many-tokens", source, t.spanOf(lexed.tokens[limits.tokens]!), message))
    return undefined
  }
  return lexed
}

function parseDeclaration(part: IToken[], reading: Reading): Declaration | undefined {
  const of = parser()
  switch (part[0]!.tokenType) {
    case t.UseWord:
      return of.run(of.use, reading, part)
    case t.Def:
      return of.run(of.def, reading, part)
    case t.LossWord:
      return of.run(of.loss, reading, part)
    default:
      return of.run(of.bare, reading, part)
  }
}

/** What begins like no declaration and cannot be a bare expression either. */
function notADeclaration(part: readonly IToken[], parts: number): Problem | undefined {
  const [first, second] = part
  if (!first || [t.UseWord, t.Def, t.LossWord].includes(first.tokenType)) return undefined
  const misspelt = first.tokenType === t.Name && isHeader(part, 1)
  const wordless = isHeader(part, 0)
  if (parts === 1 && !misspelt && !wordless) return undefined
  const message = `expected \`loss\`, \`def\` or \`use\`, found ${quote(first.image)}`
  let help = "a bare expression stands alone in its file"
  if (misspelt) {
    const near = nearest(first.image, ["loss", "def", "use"]) ?? "loss"
    help = `write \`${near} ${second!.image}(…) = …\``
  } else if (wordless) help = `write \`loss ${first.image}(…) = …\``
  return { code: "expected-declaration", message, help }
}

/** Whether `f(x) =` or `f[b](x) =` stands at a place. */
function isHeader(part: readonly IToken[], start: number): boolean {
  if (part[start]?.tokenType !== t.Name) return false
  let depth = 0
  for (let at = start + 1; at < part.length; at++) {
    const { tokenType } = part[at]!
    if (tokenType === t.LParen || tokenType === t.LBracket) depth++
    else if (tokenType === t.RParen || tokenType === t.RBracket) depth--
    else if (depth === 0) return tokenType === t.Equal && part[at - 1]!.tokenType === t.RParen
  }
  return false
}

function lint(source: Source, lexed: Lexed, loose: File["comments"], report: Report): void {
  hiddenCode(source, lexed, report)
  for (const comment of loose) {
    if (!comment.doc) continue
    const span: Span = { start: comment.span.start, end: comment.span.start + 3 }
    report.add(
      warning(
        "stray-doc",
        source,
        span,
        "this documents nothing: no declaration or argument follows directly",
        {
          help: "write `//`, or move it directly above what it describes",
        },
      ),
    )
  }
}

function help(problem: Problem): { help?: string } {
  return problem.help === undefined ? {} : { help: problem.help }
}
