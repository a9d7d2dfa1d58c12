// @ts-check
// The buffers of a kernel on a device, which stay for later calls.
//
// Plain JavaScript, because its text also becomes a part of emitted modules.
/** @import { GpuBuffer, GpuDevice } from "./gpu-device.ts" */

/**
 * Bytes of a buffer.
 * @typedef {{ readonly buffer: GpuBuffer, readonly offset: number, readonly size: number }} Part
 */

/** What buffers are for, as WebGPU numbers it. */
export const usage = { mapRead: 1, copySrc: 4, copyDst: 8, uniform: 64, storage: 128 }

/** The buffers of one program. */
export class Buffers {
  /** Whether commands of a caller may hold the buffers: then they are never destroyed before `destroy`. */
  isShared = false
  /** @type {Map<string, GpuBuffer>} */
  #parts = new Map()
  /** @type {GpuBuffer[]} buffers to read results from that no call uses now */
  #readable = []
  /** @type {{ words: Int32Array, buffer: GpuBuffer } | undefined} */
  #uniform
  #isDestroyed = false

  /** @param {GpuDevice} device */
  constructor(device) {
    this.device = device
  }

  /**
   * A part of a buffer that stays for later calls and grows when it must.
   * @param {string} name
   * @param {number} bytes
   * @param {number} usage
   * @returns {Part}
   */
  part(name, bytes, usage) {
    const size = Math.max(16, Math.ceil(bytes / 4) * 4)
    let buffer = this.#parts.get(name)
    if (!buffer || buffer.size < size) {
      if (!this.isShared) buffer?.destroy()
      buffer = this.device.createBuffer({ label: `lossc ${name}`, size, usage })
      this.#parts.set(name, buffer)
    }
    return { buffer, offset: 0, size: bytes }
  }

  /**
   * A buffer with the words of a uniform.
   * @param {Int32Array} words
   */
  uniform(words) {
    const same =
      this.#uniform?.words.length === words.length && this.#uniform.words.every((x, i) => x === words[i])
    if (!this.#uniform || !same) {
      if (!this.isShared) this.#uniform?.buffer.destroy()
      this.#uniform = { words, buffer: this.newUniform(words) }
    }
    return this.#uniform.buffer
  }

  /**
   * A buffer with the words of a uniform that no other call uses, so that commands may write into it.
   * @param {Int32Array} words
   */
  newUniform(words) {
    const buffer = this.device.createBuffer({
      size: words.byteLength,
      usage: usage.uniform | usage.copyDst,
      mappedAtCreation: true,
    })
    new Int32Array(buffer.getMappedRange()).set(words)
    buffer.unmap()
    return buffer
  }

  /**
   * A buffer to read results from, which no call uses until it is given back.
   * @param {number} bytes
   */
  takeReadable(bytes) {
    const at = this.#readable.findIndex((buffer) => buffer.size >= bytes)
    const [found] = at >= 0 ? this.#readable.splice(at, 1) : []
    if (found) return found
    // Those that are too small now would stay so.
    this.#readable.splice(0).forEach((buffer) => buffer.destroy())
    return this.device.createBuffer({ size: Math.max(4, bytes), usage: usage.mapRead | usage.copyDst })
  }

  /** @param {GpuBuffer} buffer that was taken */
  giveReadable(buffer) {
    buffer.unmap()
    if (this.#isDestroyed) buffer.destroy()
    else this.#readable.push(buffer)
  }

  /** Gives the memory back. */
  destroy() {
    this.#isDestroyed = true
    for (const buffer of this.#parts.values()) buffer.destroy()
    for (const buffer of this.#readable) buffer.destroy()
    this.#uniform?.buffer.destroy()
    this.#parts.clear()
    this.#readable = []
  }
}
