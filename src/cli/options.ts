// What each command accepts, as data: read by the argument parser, by --help and by the suggestions for misspelled names.
import { parseArgs } from "node:util"
import { nearest } from "../diagnostics.ts"

/** The command line itself is wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError"
}

/** One option of a command. */
export interface Option {
  /** What stands for its value in the help; absent for a flag. */
  readonly value?: string
  readonly short?: string
  /** May be given more than once. */
  readonly multiple?: boolean
  /** The words it takes; anything else is a usage error. */
  readonly choices?: readonly string[]
  readonly about: string
}

/** One command: its operands, its options and what it is for. */
export interface Command {
  readonly operands: string
  readonly about: string
  readonly options: Readonly<Record<string, Option>>
  readonly more?: string
}

/** What was typed: the values of options by name, and the operands. */
export interface Arguments {
  flag(name: string): boolean
  text(name: string): string | undefined
  texts(name: string): readonly string[]
  readonly operands: readonly string[]
}

const loss: Option = { value: "NAME", about: "which loss of the file, if it has several" }
const json: Option = { about: "print diagnostics as JSON" }
const expression: Option = { value: "EXPR", short: "e", about: "a loss written here instead of in a file" }
const param: Option = {
  value: "NAME=VALUE",
  multiple: true,
  about: "a free name of a bare expression that is an option with this default, not an input",
}
const dtype: Option = { value: "TYPE", choices: ["f32", "f64"], about: "the type of arrays in memory" }
const reduction: Option = {
  value: "HOW",
  choices: ["mean", "sum", "none"],
  about: "how the losses of the rows become one number",
}
const grad: Option = {
  value: "NAMES",
  about: "arguments to differentiate by, between commas; `all` is every real one before the semicolon",
}
const fixed: Option = { value: "NAME=VALUE", multiple: true, about: "the value of a static option" }
/** Which kernel of which loss. */
const kernel = { loss, dtype, reduction, grad, static: fixed, expression, param }
const common = {
  json,
  "no-color": { about: "never paint" },
  help: { short: "h", about: "this text" },
} satisfies Record<string, Option>

const source = "FILE is a .loss file, `-` for standard input, or `stdlib:NAME` for a loss of the library."

export const commands: Readonly<Record<string, Command>> = {
  compile: {
    operands: "FILE",
    about: "write a loss as a module without dependencies",
    options: {
      target: {
        value: "TARGET",
        choices: ["js", "wasm", "wgsl"],
        about: "what to write",
      },
      ...kernel,
      output: {
        value: "DIR|-",
        short: "o",
        about: "where to write the files; `-`, the default, prints the module",
      },
      dts: { about: "write the type declarations only" },
      threads: {
        value: "N",
        about:
          "with --target wasm: how many threads may run at once; results have the same bits for any number",
      },
      relaxed: {
        about:
          "with --target wasm: fuse multiplications with additions where the engine can; last bits then depend on the machine",
      },
      wat: { about: "with --target wasm: write the text of the WebAssembly too (only that with -o -)" },
      watch: { about: "compile again whenever the file changes (needs -o DIR)" },
      ...common,
    },
    more: source,
  },
  check: {
    operands: "FILE...",
    about: "report what is wrong with losses, without compiling them",
    options: { ...common },
    more: source,
  },
  explain: {
    operands: "FILE",
    about:
      "show what a loss is and how it is compiled: text, source, formula, core, gradients, rules, schedule",
    options: {
      target: {
        value: "TARGET",
        choices: ["js", "wasm", "wgsl"],
        about: "for which target; with wgsl: the dispatches and the bytes that they move too",
      },
      ...kernel,
      ...common,
      json: { about: "print what the catalogue says, formulas in LaTeX included, as JSON" },
    },
    more: source,
  },
  eval: {
    operands: "FILE",
    about: "run a loss on data and print its value and gradients as JSON",
    options: {
      data: {
        value: "[NAME=]FILE",
        multiple: true,
        about:
          "arguments: .json (an object of nested arrays), .npz, or .npy (one array, named by the file or by NAME); `-` for JSON from standard input",
      },
      option: { value: "NAME=VALUE", multiple: true, about: "the value of an option, as JSON" },
      target: {
        value: "TARGET",
        choices: ["js", "interpret", "wasm"],
        about: "what runs it (js by default)",
      },
      ...kernel,
      dtype: { ...dtype, about: "the type of arrays in memory (default f64)" },
      ...common,
    },
    more: `${source}
Numbers that JSON cannot hold are the strings "NaN", "Infinity" and "-Infinity", in data and in the result.`,
  },
  gradcheck: {
    operands: "FILE",
    about: "compare the gradients of a loss with finite differences on generated inputs",
    options: {
      runs: { value: "N", about: "how many inputs to generate" },
      seed: { value: "N", about: "where the generator starts, to repeat a run" },
      loss,
      reduction,
      grad: { ...grad, about: "arguments to check, between commas; all by default" },
      static: fixed,
      expression,
      param,
      ...common,
    },
    more: source,
  },
  fmt: {
    operands: "FILE...",
    about: "rewrite .loss files in the standard form; `-` prints standard input rewritten",
    options: { check: { about: "write nothing; fail if a file would change" }, ...common },
  },
  list: {
    operands: "[WORD]",
    about: "list the losses of the library, or those whose name, PyTorch name or description holds WORD",
    options: { ...common, json: { about: "print the list as JSON" } },
  },
}

/** Reads the arguments of one command. Throws `UsageError`. */
export function readArguments(name: string, argv: readonly string[]): Arguments {
  const { options } = commands[name]!
  const config: Record<string, { type: "string" | "boolean"; short?: string; multiple?: boolean }> = {}
  for (const [key, option] of Object.entries(options))
    config[key] = {
      type: option.value ? "string" : "boolean",
      ...(option.short && { short: option.short }),
      ...(option.multiple && { multiple: true }),
    }
  const args = [...argv]
  const { tokens } = parseArgs({ args, options: config, allowPositionals: true, strict: false, tokens: true })
  for (const token of tokens)
    if (token.kind === "option") {
      const { rawName, value } = token
      const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined
      if (!option) {
        const near = nearest(token.name, Object.keys(options))
        throw new UsageError(
          `lossc ${name} has no option ${rawName}${near ? `; did you mean --${near}?` : ""}`,
        )
      }
      if (option.value && value === undefined)
        throw new UsageError(`${rawName} needs a value: ${rawName} ${option.value}`)
      if (!option.value && value !== undefined) throw new UsageError(`${rawName} takes no value`)
      if (option.choices && value !== undefined && !option.choices.includes(value)) {
        const near = nearest(value, option.choices)
        throw new UsageError(
          `${rawName} is one of ${option.choices.join(", ")}, not ${JSON.stringify(value)}${near ? `; did you mean ${near}?` : ""}`,
        )
      }
    }
  const { values, positionals } = parseArgs({ args, options: config, allowPositionals: true, strict: false })
  const all = (key: string): readonly string[] => {
    const value = values[key]
    return (Array.isArray(value) ? value : value === undefined ? [] : [value]).filter(
      (one) => typeof one === "string",
    )
  }
  return {
    flag: (key) => values[key] === true,
    text: (key) => all(key).at(-1),
    texts: all,
    operands: positionals,
  }
}

/** The help of one command. */
export function commandHelp(name: string): string {
  const { operands, about, options, more } = commands[name]!
  const rows = Object.entries(options).map(([key, option]) => [
    `${option.short ? `-${option.short}, ` : "    "}--${key}${option.value ? ` ${option.value}` : ""}`,
    option.choices ? `${option.about}: ${option.choices.join(", ")}` : option.about,
  ])
  return `usage: lossc ${name} [options] ${operands}

${sentence(about)}

options
${table(rows)}${more ? `\n\n${more}` : ""}
`
}

/** The help of the whole program. */
export function help(): string {
  const rows = Object.entries(commands).map(([name, { operands, about }]) => [`${name} ${operands}`, about])
  return `usage: lossc COMMAND [options] ...

lossc turns a loss that is written as a formula into a fused kernel with exact gradients.

commands
${table(rows)}

\`lossc COMMAND --help\` says more about one command; \`lossc --version\` prints the version.
The product goes to standard output and everything else to standard error.
exit codes: 0 fine, 1 diagnostics or a failed check, 2 wrong usage, 3 a fault of lossc
`
}

function sentence(about: string): string {
  return `${about[0]!.toUpperCase()}${about.slice(1)}.`
}

/** Two columns, the second wrapped so that a line has at most 100 characters. */
function table(rows: readonly (readonly string[])[]): string {
  const width = Math.min(30, Math.max(...rows.map(([first]) => first!.length)))
  const indent = " ".repeat(width + 4)
  return rows
    .map(([first, second]) => {
      const lines: string[] = [""]
      for (const word of second!.split(" ")) {
        const last = lines.at(-1)!
        if (last.length + word.length + indent.length >= 100) lines.push(word)
        else lines[lines.length - 1] = last ? `${last} ${word}` : word
      }
      const head = first!.length > width ? `  ${first}\n${indent}` : `  ${first!.padEnd(width)}  `
      return head + lines.join(`\n${indent}`)
    })
    .join("\n")
}
