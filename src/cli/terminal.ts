// Where a command reads and writes, and whether that is a terminal that wants colours and progress.

/** The outside world as commands see it; tests pass their own. */
export interface Terminal {
  /** The product: what may be piped into a file. */
  out(text: string): void
  /** Everything else. */
  note(text: string): void
  /** All of standard input. */
  input(): Uint8Array
  /** Whether diagnostics are painted. */
  readonly colour: boolean
  /** Whether notes go to a terminal, so that a line can be rewritten in place. */
  readonly live: boolean
}

/** Whether to paint: NO_COLOR wins over FORCE_COLOR, which wins over what the stream is. */
export function wantsColour(env: Readonly<Record<string, string | undefined>>, isTerminal: boolean): boolean {
  if (env["NO_COLOR"]) return false
  const force = env["FORCE_COLOR"]
  if (force !== undefined) return force !== "0" && force !== "false"
  return isTerminal && env["TERM"] !== "dumb"
}

/** A bar that is redrawn in place on a terminal, and nothing at all elsewhere. */
export function progress(
  terminal: Terminal,
  title: string,
  total: number,
): { step(done: number, text?: string): void; end(): void } {
  const width = 24
  return {
    step(done, text = "") {
      if (!terminal.live) return
      const filled = Math.round((width * done) / Math.max(total, 1))
      terminal.note(
        `\r\u001b[2K${title} ${"█".repeat(filled)}${"░".repeat(width - filled)} ${done}/${total} ${text}`,
      )
    },
    end() {
      if (terminal.live) terminal.note("\r\u001b[2K")
    },
  }
}
