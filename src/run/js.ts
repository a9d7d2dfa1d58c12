// Text of a factory -> the kernel function. The only place where lossc makes a function of text.

/** A kernel as emitted: inputs, outputs, scalars and sizes in the kernel's order, then the array for scalar results. */
export type KernelFunction = (...args: readonly unknown[]) => void

/** Runs the factory. Where a content security policy forbids it this throws an EvalError: use an emitted module or `interpret`. */
export function instantiate(text: string): KernelFunction {
  return (new Function(`"use strict"\n${text}`) as () => KernelFunction)()
}
