/** What all rules share: reports, docs, heights of nodes, and lists with commas. */

import { EmbeddedActionsParser, EOF, type IToken, type ParserMethod } from "chevrotain"
import type { ParseCode } from "../src/catalogue/parse.ts"
import { error, type Report } from "../src/diagnostics.ts"
import type { Source, Span } from "../src/source.ts"
import type { Argument, Comment, Expr, Name } from "./ast.ts"
import {
  axisNumber,
  beside,
  extraComma,
  provider,
  startsOperand,
  strange,
  strangeWord,
  type Problem,
} from "./messages.ts"
import type { Building } from "./operators.ts"
import * as t from "./tokens.ts"

/** Bounds that keep every text from running the compiler out of stack or time. */
export interface SyntaxLimits {
  /** The longest text, in UTF-16 code units. */
  readonly source: number
  readonly tokens: number
  /** How deep expressions may nest. */
  readonly nesting: number
  /** The height of a tree: the longest chain such as `x + x + …`. */
  readonly chain: number
  readonly diagnostics: number
}

/** Thrown after an error that leaves nothing to go on with; the rest of the declaration is not read. */
export class Abandon extends Error {}

/** What one text needs while it is parsed. */
export interface Reading {
  readonly source: Source
  readonly report: Report
  readonly comments: readonly Comment[]
  /** Where characters were reported and left out. */
  readonly dropped: ReadonlySet<number>
  /** Comments that belong to a declaration or an argument. */
  readonly attached: Set<Comment>
  readonly limits: SyntaxLimits
}

/** Words behind a finished body. */
const tails = new Set(["per", "norm"])

/** The part of the parser that knows no rule. */
export abstract class Reader extends EmbeddedActionsParser implements Building {
  protected abstract readonly expression: ParserMethod<[arithmetic?: boolean], Expr>
  protected reading!: Reading
  protected depth = 0
  /** How many list values are around the next token. */
  protected listed = 0
  private heights = new Map<Expr, number>()

  constructor(validate: boolean) {
    super(t.vocabulary, {
      maxLookahead: 1,
      recoveryEnabled: false,
      skipValidations: !validate,
      errorMessageProvider: provider,
    })
  }

  /** Starts on another declaration. */
  protected begin(reading: Reading, tokens: IToken[]): void {
    this.reading = reading
    this.depth = 0
    this.listed = 0
    this.heights = new Map()
    this.input = tokens
  }

  /** Whether the next tokens have these types. */
  protected ahead(first: unknown, second?: unknown, third?: unknown): boolean {
    if (this.LA(1).tokenType !== first) return false
    if (second !== undefined && this.LA(2).tokenType !== second) return false
    return third === undefined || this.LA(3).tokenType === third
  }

  /** Whether the next token is a name that is one of these words. */
  protected aheadWord(...words: string[]): boolean {
    return this.LA(1).tokenType === t.Name && words.includes(this.LA(1).image)
  }

  /** Whether an expression follows where none can: neither a tail nor a mark. */
  protected aheadBeside(): boolean {
    return startsOperand(this.LA(1)) && !this.aheadWord(...tails)
  }

  // ------------------------------------------------------------------------------------- reports

  note(code: ParseCode, span: Span, message: string, more: { help?: string; label?: string } = {}): void {
    if (this.RECORDING_PHASE) return
    const { source, report } = this.reading
    report.add(error(code, source, span, message, more))
    if (report.full) throw new Abandon()
  }

  /** Reports a problem at a token; at the end of the text, just behind the last one. */
  protected tell({ code, message, help }: Problem, token: IToken): void {
    this.note(code, this.place(token), message, help === undefined ? {} : { help })
  }

  /** Reports and reads nothing more of this declaration. */
  protected give(problem: Problem, token: IToken): never | void {
    if (this.RECORDING_PHASE) return
    this.tell(problem, token)
    throw new Abandon()
  }

  private place(token: IToken): Span {
    if (token.tokenType !== EOF) return t.spanOf(token)
    const { end } = t.spanOf(this.LA(0))
    return { start: end, end }
  }

  text(span: Span): string {
    return this.reading.source.text.slice(span.start, span.end)
  }

  // --------------------------------------------------------------------------------------- nodes

  /** From the beginning of a token to the end of what was read last. */
  protected since(start: IToken): Span {
    const last = this.LA(0)
    return { start: start.startOffset, end: last.startOffset + last.image.length }
  }

  protected nameOf(token: IToken): Name {
    return { kind: "name", name: t.meaning(token), span: t.spanOf(token) }
  }

  node<N extends Expr>(node: N, parts: readonly (Expr | undefined)[]): N {
    if (this.RECORDING_PHASE) return node
    let height = 0
    for (const part of parts) if (part) height = Math.max(height, this.heights.get(part) ?? 0)
    if (height >= this.reading.limits.chain) {
      const span = { start: node.span.start, end: Math.min(node.span.end, node.span.start + 1) }
      this.note("too-long", span, `a chain of more than ${this.reading.limits.chain} operations`, {
        label: "begins here",
      })
      throw new Abandon()
    }
    this.heights.set(node, height + 1)
    return node
  }

  /** The expressions in arguments, for the height of what contains them. */
  protected defaults(of: readonly Argument[]): (Expr | undefined)[] {
    if (this.RECORDING_PHASE) return []
    return of.map((one) => one.default)
  }

  /** Reports expressions that stand side by side, and reads them. */
  protected besides(index: number): void {
    this.many(50 + index, {
      GATE: () => this.aheadBeside(),
      DEF: () => {
        this.ACTION(() => {
          const previous = this.LA(0)
          const found = this.LA(1)
          if (this.droppedBetween(previous, found)) return
          const problem = beside(previous, found)
          if (problem.code === "missing-operator") this.tell(problem, found)
          else this.give(problem, blames(previous) ? previous : found)
        })
        this.subrule(50 + index, this.expression)
      },
    })
  }

  /** Whether the operator that is missing was there, as a character that is already reported. */
  private droppedBetween(previous: IToken, found: IToken): boolean {
    for (let at = t.spanOf(previous).end; at < found.startOffset; at++)
      if (this.reading.dropped.has(at)) return true
    return false
  }

  protected deeper(): void {
    if (this.RECORDING_PHASE) return
    if (++this.depth <= this.reading.limits.nesting) return
    this.give(
      {
        code: "too-deep",
        message: `nested more than ${this.reading.limits.nesting} deep`,
        help: "name parts with `let`",
      },
      this.LA(1),
    )
  }

  // ---------------------------------------------------------------------------------------- docs

  /** The `///` lines directly above the next token. */
  protected docs(): readonly Comment[] {
    if (this.RECORDING_PHASE) return []
    const { comments, attached } = this.reading
    const from = Math.max(0, this.LA(0).startOffset)
    const to = this.LA(1).startOffset
    let low = 0
    let high = comments.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (comments[middle]!.span.start < to) low = middle + 1
      else high = middle
    }
    const found: Comment[] = []
    let below = to
    while (--low >= 0) {
      const comment = comments[low]!
      const { start, end } = comment.span
      if (start < from || !comment.doc || attached.has(comment)) break
      if (!this.touches(end, below) || !this.beginsLine(start)) break
      found.push(comment)
      attached.add(comment)
      below = start
    }
    return found.reverse()
  }

  /** Whether only a line end and margins are between two offsets. */
  private touches(from: number, to: number): boolean {
    return /^[ \t]*(?:\r\n?|\n)?[ \t]*$/.test(this.text({ start: from, end: to }))
  }

  private beginsLine(at: number): boolean {
    const { text } = this.reading.source
    while (at > 0 && (text[at - 1] === " " || text[at - 1] === "\t")) at--
    return at === 0 || text[at - 1] === "\n" || text[at - 1] === "\r"
  }

  // --------------------------------------------------------------------------------------- lists

  /**
   * Items with commas between them, up to a closer that the caller reads. A comma may follow the last item
   * unless `trailing` is false. In the calling rule, the numbers from 100 on are kept for lists.
   */
  protected list<T>(index: number, item: () => T, options: ListOptions = {}): T[] {
    const number = 100 + 2 * index
    const items: T[] = []
    let comma: IToken | undefined
    const again = options.again ?? (() => true)
    this.many(number, {
      GATE: () => items.length === 0 || comma !== undefined || this.LA(1).tokenType === t.Comma || again(),
      DEF: () => {
        this.or(number, [
          { ALT: () => this.tell(extraComma(), this.consume(number, t.Comma)) },
          {
            ALT: () => {
              if (items.length > 0 && !comma) this.noComma(options.missing)
              items.push(item())
              comma = this.option(number, {
                GATE: () => this.LA(1).tokenType === t.Comma || options.semicolon !== undefined,
                DEF: () =>
                  this.or(number + 1, [
                    { ALT: () => this.consume(number + 1, t.Comma) },
                    { ALT: () => this.semicolon(this.consume(number, t.Semicolon), options.semicolon) },
                  ]),
              })
            },
          },
        ])
      },
    })
    if (comma && options.trailing === false && !this.RECORDING_PHASE) this.tell(extraComma(), comma)
    return items
  }

  private semicolon(token: IToken, problem: Problem | undefined): IToken {
    if (problem) this.tell(problem, token)
    return token
  }

  private noComma(missing: Problem | undefined): void {
    if (this.RECORDING_PHASE) return
    const found = this.LA(1)
    const previous = this.LA(0)
    const problem = besideInList(previous, found)
    if (problem) this.give(problem, found)
    this.tell(missing ?? missingComma(found), found)
  }

  /** A size where an axis name should be; what is read instead of it. */
  protected sizeAsAxis(token: IToken): Name {
    this.tell(axisNumber(), token)
    return { kind: "name", name: "_", span: t.spanOf(token) }
  }
}

/** Whether the left one of two neighbours is what is wrong. */
function blames(previous: IToken): boolean {
  return strangeWord(previous) !== undefined || previous.image === "axis"
}

interface ListOptions {
  readonly trailing?: boolean
  /** Whether another item begins although no comma was read. */
  readonly again?: () => boolean
  readonly missing?: Problem
  /** What is said about a semicolon, which is then read as a comma. */
  readonly semicolon?: Problem
}

/** Side by side in a list means a forgotten comma, unless the words say something else. */
function besideInList(previous: IToken, found: IToken): Problem | undefined {
  const problem = beside(previous, found)
  if (strange(found) || problem.code !== "missing-operator") return problem
  return undefined
}

function missingComma(found: IToken): Problem {
  return {
    code: "missing-comma",
    message: `expected a comma before ${"`"}${found.image}${"`"}`,
    help: "write `,`",
  }
}
