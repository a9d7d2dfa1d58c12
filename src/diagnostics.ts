/** What is wrong, as data: a code, a place and words; and the ways to show it to people and tools. */

import { lineText, position, type Position, type Source, type Span } from "./source.ts"

/** A stable code says what kind of thing is wrong; everything else is for the reader. */
export interface Diagnostic {
  readonly code: string
  readonly severity: "error" | "warning"
  /** One sentence about what was found and what was expected, in the user's own words. */
  readonly message: string
  /** Where; absent when the fault is in data and not in a text. */
  readonly source: Source | undefined
  readonly span: Span | undefined
  /** A few words that stand beside the carets. */
  readonly label?: string | undefined
  /** What to write instead. */
  readonly help?: string | undefined
  /** Facts for programs, such as argument, row and value of a wrong label. */
  readonly details?: Readonly<Record<string, unknown>> | undefined
}

/** One entry of a catalogue: what the code means, and the smallest program that raises it. */
export interface CatalogueEntry {
  readonly about: string
  readonly example: string
}

/** The longest message that is shown; what is beyond is cut. */
export const longestMessage = 2000

/** How many diagnostics are collected at most. */
export const mostDiagnostics = 100

/** Makes an error at a place in a source. */
export function error(
  code: string,
  source: Source | undefined,
  span: Span | undefined,
  message: string,
  more: Pick<Diagnostic, "label" | "help" | "details"> = {},
): Diagnostic {
  return { code, severity: "error", message: clip(message), source, span, ...more }
}

/** Makes a warning at a place in a source. */
export function warning(
  code: string,
  source: Source | undefined,
  span: Span | undefined,
  message: string,
  more: Pick<Diagnostic, "label" | "help" | "details"> = {},
): Diagnostic {
  return { ...error(code, source, span, message, more), severity: "warning" }
}

/** The only error that lossc throws at its users. */
export class LossError extends Error {
  readonly diagnostics: readonly Diagnostic[]

  constructor(diagnostics: readonly Diagnostic[]) {
    super(clip(diagnostics.map((one) => render(one)).join("\n\n")) || "no diagnostics")
    this.name = "LossError"
    this.diagnostics = diagnostics
  }

  /** The code of the first diagnostic. */
  get code(): string {
    return this.diagnostics[0]?.code ?? "unknown"
  }
}

/** The error of a limit that was passed, for `throw limit("too-deep", …)`. */
export function limit(
  code: string,
  message: string,
  place: { readonly source?: Source; readonly span?: Span; readonly details?: Diagnostic["details"] } = {},
): LossError {
  return new LossError([error(code, place.source, place.span, message, { details: place.details })])
}

/** Collects diagnostics: each once, in the order of the text, and no more than a limit. */
export class Report {
  readonly limit: number
  readonly #found: Diagnostic[] = []
  readonly #seen = new Set<string>()
  readonly #sources = new Map<Source | undefined, number>()
  #errors = 0

  constructor(limit: number = mostDiagnostics) {
    this.limit = limit
  }

  /** Adds one; a repetition and what is over the limit are dropped. */
  add(diagnostic: Diagnostic): void {
    if (this.full) return
    const { code, source, span } = diagnostic
    const message = clip(diagnostic.message)
    let file = this.#sources.get(source)
    if (file === undefined) this.#sources.set(source, (file = this.#sources.size))
    const key = `${file} ${span?.start} ${span?.end} ${code} ${message}`
    if (this.#seen.has(key)) return
    this.#seen.add(key)
    if (diagnostic.severity === "error") this.#errors++
    this.#found.push(message === diagnostic.message ? diagnostic : { ...diagnostic, message })
  }

  /** Whether nothing more is taken. */
  get full(): boolean {
    return this.#found.length >= this.limit
  }

  /** How many errors there are; warnings do not count. */
  get errors(): number {
    return this.#errors
  }

  /** Whether there is at least one error. */
  get failed(): boolean {
    return this.#errors > 0
  }

  /** What was found, by source in the order they were met, then by place. */
  get diagnostics(): readonly Diagnostic[] {
    const order = (one: Diagnostic) => this.#sources.get(one.source) ?? 0
    return [...this.#found].sort(
      (a, b) =>
        order(a) - order(b) ||
        (a.span?.start ?? -1) - (b.span?.start ?? -1) ||
        (a.span?.end ?? -1) - (b.span?.end ?? -1),
    )
  }

  /** Throws what was found, if any of it is an error. */
  check(): void {
    if (this.failed) throw new LossError(this.diagnostics)
  }
}

// --------------------------------------------------------------------------------------- showing

const frameWidth = 100
const tabWidth = 4

/** How a diagnostic is shown. */
export interface RenderOptions {
  /** Whether to use terminal colours. */
  readonly colour?: boolean
}

/** A diagnostic with the line it is about and carets under the place. */
export function render(diagnostic: Diagnostic, options: RenderOptions = {}): string {
  const { code, severity, source, span, label, help } = diagnostic
  const paint = options.colour ? painted : plain
  const tone = severity === "error" ? "31" : "33"
  const title = `${paint(tone, `${severity}[${code}]`)}: ${visible(clip(diagnostic.message))}`
  if (!source || !span) {
    const asides = [label, help && `help: ${help}`].filter((text) => text !== undefined)
    return [title, ...asides.map((text) => `  = ${visible(clip(text))}`)].join("\n")
  }
  const start = position(source, span.start)
  const end = position(source, Math.max(span.start, span.end))
  const number = String(start.line)
  const margin = " ".repeat(number.length)
  const bar = paint("34", "|")
  const { text, from, to } = frame(lineText(source, start.line), start, end)
  const carets = paint(tone, "^".repeat(Math.max(1, to - from)))
  const lines = [
    title,
    `${margin}${paint("34", "-->")} ${visible(source.name)}:${start.line}:${start.column}`,
    `${margin} ${bar}`,
    `${paint("34", number)} ${bar} ${text}`.trimEnd(),
    `${margin} ${bar} ${" ".repeat(from)}${carets}${label ? ` ${visible(clip(label))}` : ""}`,
  ]
  if (help) lines.push(`${margin} ${paint("34", "=")} help: ${visible(clip(help))}`)
  return lines.join("\n")
}

/** All of them, with an empty line between two. */
export function renderAll(diagnostics: readonly Diagnostic[], options: RenderOptions = {}): string {
  return diagnostics.map((one) => render(one, options)).join("\n\n")
}

/** The shape that tools read: `lossc check --json` prints one of these per diagnostic. */
export interface DiagnosticJson {
  readonly code: string
  readonly severity: "error" | "warning"
  readonly file: string | undefined
  readonly range: { readonly start: Position; readonly end: Position } | undefined
  readonly message: string
  readonly label: string | undefined
  readonly help: string | undefined
  readonly details: Readonly<Record<string, unknown>> | undefined
}

/** A diagnostic as plain data with lines and columns. */
export function toJson(diagnostic: Diagnostic): DiagnosticJson {
  const { code, severity, source, span, message, label, help, details } = diagnostic
  const range = source && span && { start: position(source, span.start), end: position(source, span.end) }
  return { code, severity, file: source?.name, range, message: clip(message), label, help, details }
}

/** The part of a line that is shown, tabs expanded, and the columns of the carets in it. */
function frame(line: string, start: Position, end: Position) {
  const lastColumn = end.line === start.line ? end.column - 1 : line.length
  let first = 0
  let before = ""
  let after = ""
  if (line.length > frameWidth) {
    first = Math.max(0, Math.min(start.column - 1 - frameWidth / 4, line.length - frameWidth))
    if (first > 0) before = "…"
    if (first + frameWidth < line.length) after = "…"
  }
  let text = before
  let from = before.length
  let to = before.length
  for (let column = first; column < Math.min(line.length, first + frameWidth); column++) {
    if (column === start.column - 1) from = text.length
    const character = line[column]!
    text += character === "\t" ? " ".repeat(tabWidth - (text.length % tabWidth)) : visible(character)
    if (column < lastColumn) to = text.length
  }
  if (start.column - 1 >= Math.min(line.length, first + frameWidth)) from = text.length
  return { text: text + after, from, to: Math.max(from, to) }
}

// Controls, format characters (direction marks among them) and the two separators, but no line feed.
const steering = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** Text that cannot steer a terminal. */
function visible(text: string): string {
  return text.replace(steering, "\ufffd")
}

function plain(_: string, text: string): string {
  return text
}

function painted(style: string, text: string): string {
  return `\u001b[1;${style}m${text}\u001b[0m`
}

function clip(text: string): string {
  return text.length > longestMessage ? `${text.slice(0, longestMessage - 1)}…` : text
}

// ----------------------------------------------------------------------------------------- words

/** A piece of the user's text between backticks, in one line and of bearable length. */
export function quote(text: string): string {
  const line = text.replace(/\s+/g, " ").trim()
  return `\`${line.length > 60 ? `${line.slice(0, 57)}…` : line}\``
}

/** `a`, `a or b`, `a, b or c` */
export function either(words: readonly string[]): string {
  if (words.length < 2) return words[0] ?? ""
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`
}

/** The candidate that the writer most likely meant, if one is near enough. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > 64) return undefined
  let best: string | undefined
  let least = Math.max(1, Math.floor(name.length / 3)) + 1
  const folded = name.toLowerCase()
  for (const candidate of candidates) {
    if (candidate === name || Math.abs(candidate.length - name.length) >= least) continue
    const other = candidate.toLowerCase()
    // A difference of case alone, or of underscores, is nearer than any other.
    const same = other.replaceAll("_", "") === folded.replaceAll("_", "")
    const cost = same ? 0.5 : distance(folded, other)
    // In names of one or two letters, a changed letter is a different name.
    if (cost < least && (same || cost < Math.max(name.length, candidate.length) - 1)) {
      least = cost
      best = candidate
    }
  }
  return best
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
function distance(from: string, to: string): number {
  let before: number[] = []
  let previous = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = previous[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)
      let cost = Math.min(replaced, previous[j]! + 1, row[j - 1]! + 1)
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1])
        cost = Math.min(cost, before[j - 2]! + 1)
      row.push(cost)
    }
    before = previous
    previous = row
  }
  return previous[to.length]!
}
