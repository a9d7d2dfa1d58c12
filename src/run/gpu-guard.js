// @ts-check
// What is wrong with a device: faults that it finds, and why it is lost.
//
// Plain JavaScript, because its text also becomes a part of emitted modules.
/** @import { GpuDevice } from "./gpu-device.ts" */

/**
 * Makes the error of a fault, by its code.
 * @typedef {(code: "device-lost" | "device-error" | "device-limit" | "destroyed", message: string, details?: Record<string, unknown>, help?: string) => Error} Failure
 */

/** The faults of a device while it works for one kernel. */
export class Guard {
  /** Whether the kernel was given back. */
  isDestroyed = false
  /** @type {string | undefined} why the device is lost */
  #lost

  /**
   * @param {GpuDevice} device
   * @param {Failure} fail
   */
  constructor(device, fail) {
    this.device = device
    this.fail = fail
    device.lost.then(({ message }) => {
      this.#lost = message || "the device was destroyed"
    })
  }

  /** Throws if no work can be done any more. */
  check() {
    if (this.isDestroyed)
      throw this.fail("destroyed", "this kernel was given back by `destroy`", {}, "make another one")
    if (this.#lost !== undefined) throw this.#lostError()
  }

  /**
   * Does something with the device and throws if the device finds a fault in it. It is done before this returns.
   * @template T
   * @param {() => T} action
   * @returns {Promise<T>}
   */
  run(action) {
    const { device } = this
    device.pushErrorScope("internal")
    device.pushErrorScope("out-of-memory")
    device.pushErrorScope("validation")
    /** @type {T | undefined} */
    let result
    /** @type {unknown} */
    let thrown
    try {
      result = action()
    } catch (error) {
      thrown = error ?? new Error("unknown fault")
    }
    const scopes = [device.popErrorScope(), device.popErrorScope(), device.popErrorScope()]
    return Promise.all(scopes).then(
      async (found) => {
        if (thrown !== undefined) throw await this.fault(thrown)
        const error = found.find((one) => one !== null)
        if (error) throw await this.fault(error)
        return /** @type {T} */ (result)
      },
      async (error) => {
        throw await this.fault(error)
      },
    )
  }

  /**
   * The error for a fault that the device reports.
   * @param {unknown} error
   */
  async fault(error) {
    // A device that is lost fails calls before it says so.
    await Promise.race([this.device.lost, new Promise((resolve) => setTimeout(resolve, 50))])
    if (this.#lost !== undefined) return this.#lostError()
    const message = /** @type {{ message?: string }} */ (error)?.message ?? String(error)
    return this.fail("device-error", `the device refused the work: ${message}`, {})
  }

  #lostError() {
    return this.fail(
      "device-lost",
      `the device was lost: ${this.#lost}`,
      {},
      "make a kernel for another device",
    )
  }
}
