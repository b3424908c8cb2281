import { call, type NativeBytes, type NativeEvents } from './native.js'

/** How a stream is followed. */
export interface FollowOptions {
  /** Ends the stream; the iteration throws the signal's reason. Nothing happens to the run. */
  signal?: AbortSignal
}

interface Pulled<T> {
  next(): Promise<T | null>
  close(): void
}

/**
 * Values of the core as an async iterable: read on only as fast as they are taken. Leaving a `for await` early frees what it
 * held.
 */
export async function* pull<T>(open: () => Promise<Pulled<T>>, signal?: AbortSignal): AsyncGenerator<T> {
  signal?.throwIfAborted()
  const stream = await call(open())
  const close = () => stream.close()
  signal?.addEventListener('abort', close, { once: true })
  try {
    for (;;) {
      const value = await call(stream.next())
      signal?.throwIfAborted()
      if (value === null) return
      yield value
    }
  } finally {
    signal?.removeEventListener('abort', close)
    stream.close()
  }
}

/** Events one by one. */
export async function* events<E>(
  open: () => Promise<NativeEvents>,
  signal?: AbortSignal,
): AsyncGenerator<E, void, undefined> {
  for await (const batch of pull<string>(open, signal)) yield* JSON.parse(batch) as E[]
}

/** Pieces of a log. */
export function bytes(open: () => Promise<NativeBytes>, signal?: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
  return pull<Buffer>(open, signal)
}
