// What lossc uses of WebGPU, so that nobody needs types of it: a GPUDevice, its buffers and its encoders fit these.

/** A GPUDevice. */
export interface GpuDevice {
  readonly features?: { readonly has: (name: string) => boolean }
  readonly limits: {
    readonly maxStorageBufferBindingSize: number
    readonly maxBufferSize: number
    readonly maxComputeWorkgroupsPerDimension: number
    readonly maxComputeInvocationsPerWorkgroup: number
    readonly maxComputeWorkgroupSizeX: number
    readonly maxComputeWorkgroupStorageSize: number
    readonly maxStorageBuffersPerShaderStage: number
    readonly minStorageBufferOffsetAlignment: number
  }
  readonly queue: GpuQueue
  readonly lost: Promise<{ readonly reason?: string; readonly message: string }>
  createBuffer(descriptor: {
    readonly label?: string
    readonly size: number
    readonly usage: number
    readonly mappedAtCreation?: boolean
  }): GpuBuffer
  createShaderModule(descriptor: { readonly label?: string; readonly code: string }): object
  createBindGroupLayout(descriptor: object): object
  createPipelineLayout(descriptor: object): object
  createComputePipeline(descriptor: object): object
  createComputePipelineAsync(descriptor: object): Promise<object>
  createBindGroup(descriptor: object): object
  createCommandEncoder(): GpuCommandEncoder
  pushErrorScope(filter: "validation" | "out-of-memory" | "internal"): void
  popErrorScope(): Promise<{ readonly message: string } | null>
}

/** A GPUBuffer. */
export interface GpuBuffer {
  readonly size: number
  readonly usage: number
  mapAsync(mode: number, offset?: number, size?: number): Promise<undefined>
  getMappedRange(offset?: number, size?: number): ArrayBuffer
  unmap(): void
  destroy(): void
}

/** A GPUCommandEncoder. */
export interface GpuCommandEncoder {
  beginComputePass(): GpuComputePass
  clearBuffer(buffer: object): void
  copyBufferToBuffer(from: object, fromOffset: number, to: object, toOffset: number, bytes: number): void
  finish(): object
}

/** A GPUComputePassEncoder. */
export interface GpuComputePass {
  setPipeline(pipeline: object): void
  /** `never`, because a GPUBindGroup is a type of its own. */
  readonly setBindGroup: (index: number, group: never) => unknown
  dispatchWorkgroups(x: number): void
  end(): void
}

/** A GPUQueue. */
export interface GpuQueue {
  submit(commands: Iterable<object>): void
  writeBuffer(buffer: object, offset: number, data: ArrayBufferLike, from: number, bytes: number): void
}

/** A buffer of the caller, or a part of it: bytes from an offset on. */
export type GpuArray =
  GpuBuffer | { readonly buffer: GpuBuffer; readonly offset?: number; readonly size?: number }
