// A portal with Express. Who may do what is the portal's to decide; here a header says who it is.

import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import express, { type NextFunction, type Request, type Response } from 'express'
import { Engine, lastEventId, WindlassError } from 'windlass'
import { release } from './pipelines.js'

const port = Number(process.env.PORT ?? 3000)
const engine = await Engine.open({ dataDir: process.env.DATA_DIR ?? '.windlass', baseUrl: `http://127.0.0.1:${port}` })
if ((await engine.pipelines.list()).length === 0) await engine.pipelines.create(release, { by: 'portal' })

/** Aborted when the portal ends: the browsers' streams end, and browsers connect again to the next one. */
const ending = new AbortController()
const actor = (request: Request) => request.get('x-user') ?? 'somebody'
const id = (request: Request) => String(request.params.id)

const app = express()
app.use(express.json())
app.use(express.static(path.join(import.meta.dirname, 'public')))

app.get('/api/pipelines', async (_request, response) => {
  const listed = await engine.pipelines.list({ active: true })
  const stored = await Promise.all(listed.map(({ name }) => engine.pipelines.get(name)))
  response.json(
    stored.map(({ name, definition }) => {
      const { description, parameters } = definition.toJSON()
      return { name, description, parameters: (parameters ?? []).filter(({ dynamic }) => dynamic) }
    }),
  )
})

app.post('/api/pipelines/:name/runs', async (request, response) => {
  const { parameters } = request.body
  const run = await engine.pipelines.run(request.params.name, { parameters, actor: actor(request), trigger: 'api' })
  response.status(201).json({ id: run.id, number: run.number })
})

app.get('/api/runs', async (_request, response) => {
  response.json(await engine.runs({ limit: 20 }))
})

app.get('/api/runs/:id', async (request, response) => {
  response.json(await (await engine.run(id(request))).summary())
})

app.get('/api/runs/:id/events', async (request, response) => {
  const run = await engine.run(id(request))
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const signal = AbortSignal.any([gone.signal, ending.signal])
  response.set({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  const after = lastEventId(request.get('last-event-id'))
  const body = Readable.fromWeb(run.eventSource({ lastEventId: after, signal }) as never)
  // It breaks when the browser goes away, which is nobody's mistake.
  await pipeline(body, response).catch(() => {})
})

app.post('/api/runs/:id/cancel', async (request, response) => {
  await (await engine.run(id(request))).cancel({ by: actor(request), reason: 'asked for in the portal' })
  response.status(204).end()
})

app.post('/api/runs/:id/tasks/:task/approve', async (request, response) => {
  await (await engine.run(id(request))).approve(request.params.task, { by: actor(request) })
  response.status(204).end()
})

const STATUS = {
  invalid: 400,
  notFound: 404,
  conflict: 409,
  unsupported: 422,
  unavailable: 503,
  damaged: 500,
  internal: 500,
}
app.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
  if (!(error instanceof WindlassError)) return next(error)
  const { code, message, problems } = error
  response.status(STATUS[error.kind]).json({ code, message, problems })
})

const server = app.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}`))

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    server.close()
    ending.abort()
    server.closeAllConnections()
    // Steps go on; the next portal takes them up.
    await engine.shutdown('leaveRunning')
    process.exit(0)
  })
}
