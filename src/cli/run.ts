// Runs one command line and answers with the exit code: 0 fine, 1 diagnostics or a failed check, 2 wrong usage, 3 our fault.
import { LossError, nearest, renderAll, toJson } from "../diagnostics.ts"
import { version } from "../version.generated.ts"
import { actions } from "./commands.ts"
import { DataError } from "./data.ts"
import { commandHelp, commands, help, readArguments, UsageError, type Arguments } from "./options.ts"
import type { Terminal } from "./terminal.ts"

/** Runs `lossc` with these arguments. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = argv
  if (name === "--version" || name === "-v") return print(terminal, `${version}\n`)
  if (name === "--help" || name === "-h") return print(terminal, help())
  if (name === "help" && rest[0] !== undefined && Object.hasOwn(commands, rest[0]))
    return print(terminal, commandHelp(rest[0]))
  if (name === "help") return print(terminal, help())
  if (name === undefined) {
    terminal.note(help())
    return 2
  }
  let args: Arguments | undefined
  try {
    if (!Object.hasOwn(commands, name)) {
      const near = nearest(name, [...Object.keys(commands), "help"])
      throw new UsageError(
        `there is no command ${JSON.stringify(name)}${near ? `; did you mean ${near}?` : ""}`,
      )
    }
    args = readArguments(name, rest)
    if (args.flag("help")) return print(terminal, commandHelp(name))
    return await actions[name]!(args, terminal)
  } catch (error) {
    if (error instanceof UsageError) {
      const which = Object.hasOwn(commands, name) ? `lossc ${name} --help` : "lossc --help"
      terminal.note(`lossc: ${error.message}\nTry \`${which}\`.\n`)
      return 2
    }
    const asJson = args?.flag("json") === true
    if (error instanceof LossError) {
      if (asJson)
        terminal[name === "check" ? "out" : "note"](
          `${JSON.stringify(error.diagnostics.map(toJson), null, 2)}\n`,
        )
      else terminal.note(`${renderAll(error.diagnostics, { colour: terminal.colour })}\n`)
      return 1
    }
    if (error instanceof DataError) {
      const one = { code: "bad-data", severity: "error", message: error.message }
      terminal.note(asJson ? `${JSON.stringify([one], null, 2)}\n` : `error[bad-data]: ${error.message}\n`)
      return 1
    }
    terminal.note(
      `lossc: this is a fault of lossc ${version}, not of your loss: please report it with the source and the command.\n` +
        `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    )
    return 3
  }
}

function print(terminal: Terminal, text: string): number {
  terminal.out(text)
  return 0
}
