/** How server-sent events are made of a stream. */
export interface EventSourceOptions {
  /** Ends the stream: the browser went away, or the portal ends. Nothing happens to the run. */
  signal?: AbortSignal
  /** A comment is sent after so many milliseconds of silence, so that proxies keep the connection. 15 seconds unless set. */
  keepAliveMs?: number
}

const ENCODER = new TextEncoder()
const KEEP_ALIVE = ENCODER.encode(': keep-alive\n\n')

/**
 * Server-sent events: `id` is the number from which a browser goes on by `Last-Event-ID`, `event` the type, `data` the JSON.
 * Read only as fast as the browser takes them.
 */
export function serverSentEvents<E extends { type: string }>(
  events: AsyncGenerator<E, void, undefined>,
  idOf: (event: E) => number,
  options: EventSourceOptions,
): ReadableStream<Uint8Array> {
  let timer: NodeJS.Timeout | undefined
  let over = false
  const end = () => {
    over = true
    clearInterval(timer)
  }
  return new ReadableStream<Uint8Array>({
    start(controller) {
      timer = setInterval(() => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(KEEP_ALIVE)
      }, options.keepAliveMs ?? 15_000)
      // An idle stream alone keeps no process alive; the connection that it feeds does.
      timer.unref()
    },
    async pull(controller) {
      try {
        const { done, value } = await events.next()
        if (over) return
        if (done) {
          end()
          controller.close()
          return
        }
        const data = JSON.stringify(value)
        controller.enqueue(ENCODER.encode(`id: ${idOf(value)}\nevent: ${value.type}\ndata: ${data}\n\n`))
      } catch (error) {
        if (over) return
        end()
        if (options.signal?.aborted) controller.close()
        else controller.error(error)
      }
    },
    async cancel() {
      end()
      await events.return()
    },
  })
}

/** The number of a `Last-Event-ID` header, or of what else says from where to go on; 0 for none. */
export function lastEventId(value: string | string[] | number | null | undefined): number {
  const number = Number(Array.isArray(value) ? value[0] : value)
  return Number.isSafeInteger(number) && number > 0 ? number : 0
}
