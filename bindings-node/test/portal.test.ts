// The portal of the examples, driven over HTTP and in a browser, and restarted for real in the middle of runs.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import path from 'node:path'
import puppeteer from 'puppeteer-core'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { temporary } from './support.js'

const SERVER = path.join(import.meta.dirname, '../examples/portal/server.js')
let port: number
let dataDir: string
let portal: ChildProcess

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

async function startPortal(): Promise<void> {
  const env = { ...process.env, PORT: String(port), DATA_DIR: dataDir }
  portal = spawn(process.execPath, [SERVER], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  await once(portal.stdout!, 'data')
}

async function stopPortal(signal: NodeJS.Signals): Promise<void> {
  if (portal.exitCode !== null || portal.signalCode !== null) return
  const exited = once(portal, 'exit')
  portal.kill(signal)
  await exited
}

beforeEach(async () => {
  port = await freePort()
  dataDir = path.join(temporary(), 'data')
  await startPortal()
})
afterEach(() => stopPortal('SIGKILL'))

const url = (where: string) => `http://127.0.0.1:${port}${where}`

async function post(where: string, body: unknown = {}): Promise<Response> {
  const headers = { 'content-type': 'application/json', 'x-user': 'ana' }
  return fetch(url(where), { method: 'POST', headers, body: JSON.stringify(body) })
}

interface Sent {
  id: number
  type: string
  data: { text?: string; state?: string; by?: string; [key: string]: unknown }
}

/** The server-sent events of a run from a number on, until the connection breaks or somebody leaves. */
async function* follow(run: string, after = 0): AsyncGenerator<Sent> {
  const headers: Record<string, string> = after === 0 ? {} : { 'last-event-id': String(after) }
  const response = await fetch(url(`/api/runs/${run}/events`), { headers })
  expect(response.headers.get('content-type')).toContain('text/event-stream')
  let text = ''
  try {
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
      text += piece
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const lines = Object.fromEntries(
          text
            .slice(0, end)
            .split('\n')
            .map((line) => line.split(/: (.*)/s, 2)),
        )
        text = text.slice(end + 2)
        if (lines.id !== undefined) yield { id: Number(lines.id), type: lines.event, data: JSON.parse(lines.data) }
      }
    }
  } catch (error) {
    // The portal was killed in the middle.
    expect(String(error)).toContain('terminated')
  }
}

test('a run goes on while the portal is killed, and a follower misses nothing', async () => {
  const pipelines = await (await fetch(url('/api/pipelines'))).json()
  expect(pipelines).toMatchObject([{ name: 'release', parameters: [{ name: 'TARGET' }, { name: 'LINES' }] }])
  const refused = await post('/api/pipelines/release/runs', { parameters: { TARGET: 'moon' } })
  expect(refused.status).toBe(400)
  expect((await refused.json()).code).toBe('invalidPipeline')

  const started = await post('/api/pipelines/release/runs', { parameters: { TARGET: 'prod', LINES: '40' } })
  expect(started.status).toBe(201)
  const { id } = await started.json()
  const seen: Sent[] = []
  for await (const event of follow(id)) {
    seen.push(event)
    // What comes after this was not read; the portal dies with the connection open.
    if (event.type === 'log') break
  }
  await stopPortal('SIGKILL')
  await startPortal()
  for await (const event of follow(id, seen.at(-1)!.id)) {
    seen.push(event)
    if (event.type === 'approvalRequested') await post(`/api/runs/${id}/tasks/sign-off/approve`)
  }

  expect(seen.map(({ id }) => id)).toEqual([...new Set(seen.map(({ id }) => id))].sort((a, b) => a - b))
  expect(seen.map(({ type }) => type)).toContain('engineRecovered')
  expect(seen.at(-1)).toMatchObject({ type: 'runFinished', data: { state: 'succeeded' } })
  expect(seen.find(({ type }) => type === 'approvalDecided')?.data.by).toBe('ana')
  const log = seen.map(({ type, data }) => (type === 'log' ? data.text : '')).join('')
  const lines = Array.from({ length: 40 }, (_, index) => `line ${index + 1} for prod\n`).join('')
  expect(log).toBe(`${lines}shipped to prod\n`)
  expect(await (await fetch(url(`/api/runs/${id}`))).json()).toMatchObject({ status: 'succeeded', actor: 'ana' })
})

test('a run is cancelled, and a second wish is refused with a reason', async () => {
  const { id } = await (await post('/api/pipelines/release/runs', { parameters: { LINES: '10000' } })).json()
  for await (const event of follow(id)) if (event.type === 'log') break
  expect((await post(`/api/runs/${id}/cancel`)).status).toBe(204)
  const ended: Sent[] = []
  for await (const event of follow(id)) if (event.type === 'runFinished') ended.push(event)
  expect(ended[0]?.data.state).toBe('cancelled')
  const again = await post(`/api/runs/${id}/cancel`)
  expect(again.status).toBe(409)
  expect((await again.json()).code).toBe('runEnded')
  expect((await fetch(url('/api/runs/nothing'))).status).toBe(404)
})

test('the page shows a run as it goes, over a restart of the portal', async () => {
  const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  })
  onTestFinished(() => browser.close())
  const page = await browser.newPage()
  page.setDefaultTimeout(100_000)
  await page.goto(url('/'))
  await page.waitForSelector('input[name=TARGET]')
  await page.$eval('input[name=TARGET]', (input) => {
    ;(input as HTMLInputElement).value = 'prod'
  })
  await page.$eval('input[name=LINES]', (input) => {
    ;(input as HTMLInputElement).value = '30'
  })
  await page.click('form button')
  const shows = (selector: string, text: string) =>
    page.waitForFunction(
      (selector, text) => document.querySelector(selector)?.textContent?.includes(text),
      {},
      selector,
      text,
    )
  await shows('#log', 'build| line 1 for prod')

  await stopPortal('SIGTERM')
  expect(portal.exitCode).toBe(0)
  await startPortal()

  await shows('#question', 'Ship to prod?')
  await page.click('#approve')
  await shows('#state', 'succeeded')
  const log = await page.$eval('#log', (element) => element.textContent)
  const lines = Array.from({ length: 30 }, (_, index) => `line ${index + 1} for prod`)
  const shown = [...(log ?? '').matchAll(/line \d+ for prod/g)].map(([line]) => line)
  expect(shown).toEqual(lines)
  expect(log).toContain('ship| shipped to prod')
})
