// Finds the text of a loss: a file, standard input, the library, or the command line itself; and the files that it uses.
import { readFileSync, realpathSync, statSync } from "node:fs"
import { dirname, relative, resolve, sep } from "node:path"
import { nearest } from "../diagnostics.ts"
import { libraryLosses, libraryTexts } from "../stdlib.generated.ts"
import { UsageError, type Arguments } from "./options.ts"
import type { Terminal } from "./terminal.ts"

/** A text to compile. */
export interface Given {
  /** What to call it in messages. */
  readonly name: string
  readonly text: string
  /** The loss of the text that is meant, if that is known already. */
  readonly loss: string | undefined
  /** The file it came from, if it came from one. */
  readonly path: string | undefined
}

/** The longest source that is read at all; the compiler's own limit is lower and has a better message. */
const mostBytes = 64 * 1024 * 1024

/** Bytes of a file. Throws `UsageError` with the reason. */
export function readBytes(path: string): Uint8Array {
  try {
    if (statSync(path).isDirectory()) throw new UsageError(`cannot read ${path}: it is a folder`)
    return readFileSync(path)
  } catch (error) {
    if (error instanceof UsageError) throw error
    const code = (error as NodeJS.ErrnoException).code
    const reason =
      code === "ENOENT"
        ? "there is no such file"
        : code === "EACCES"
          ? "permission denied"
          : (error as Error).message
    throw new UsageError(`cannot read ${path}: ${reason}`)
  }
}

function decode(name: string, bytes: Uint8Array): string {
  if (bytes.length > mostBytes) throw new UsageError(`${name} is larger than 64 MiB`)
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    throw new UsageError(`${name} is not UTF-8 text`)
  }
}

/** The source that one operand names. */
export function readSource(terminal: Terminal, operand: string): Given {
  if (operand === "-")
    return {
      name: "<stdin>",
      text: decode("standard input", terminal.input()),
      loss: undefined,
      path: undefined,
    }
  if (operand.startsWith("stdlib:")) {
    const name = operand.slice("stdlib:".length)
    const found = libraryLosses.find((loss) => loss.name === name)
    if (!found) {
      const near = nearest(
        name,
        libraryLosses.map((loss) => loss.name),
      )
      throw new UsageError(
        `the library has no loss ${JSON.stringify(name)}${near ? `; did you mean stdlib:${near}?` : "; `lossc list` shows what it has"}`,
      )
    }
    return { name: `stdlib/${found.file}`, text: libraryTexts[found.file]!, loss: name, path: undefined }
  }
  return { name: operand, text: decode(operand, readBytes(operand)), loss: undefined, path: operand }
}

/** The one source of a command: its operand, or `--expression`. */
export function theSource(terminal: Terminal, args: Arguments): Given {
  const expression = args.text("expression")
  if (expression !== undefined) {
    if (args.operands.length > 0)
      throw new UsageError(`give --expression or a file, not both (${args.operands.join(" ")})`)
    return { name: "<expression>", text: expression, loss: undefined, path: undefined }
  }
  if (args.operands.length === 0)
    throw new UsageError("name a file, `-` for standard input, or `stdlib:NAME`")
  if (args.operands.length > 1)
    throw new UsageError(`one file at a time, not ${args.operands.length} (${args.operands.join(" ")})`)
  return readSource(terminal, args.operands[0]!)
}

/**
 * Reads what `use "./path"` names, seen from the file called `from`.
 * Only files below the folder of the first source are read, links followed.
 */
export function loader(given: Given): (path: string, from: string) => string | undefined {
  const root = realpathSync(given.path === undefined ? "." : dirname(given.path))
  // What `use` wrote, and the file it meant: the next `use` is relative to that file.
  const files = new Map([[given.name, resolve(given.path ?? "_")]])
  return (path, from) => {
    let file: string
    try {
      file = realpathSync(resolve(dirname(files.get(from) ?? resolve(root, from)), path))
    } catch {
      return undefined
    }
    const inside = relative(root, file)
    if (inside === "" || inside.startsWith(`..${sep}`) || inside === ".." || resolve(root, inside) !== file)
      return undefined
    files.set(path, file)
    return decode(path, readBytes(file))
  }
}
