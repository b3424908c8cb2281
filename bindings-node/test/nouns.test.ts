// What an engine offers beside runs: artifacts, reports, reading, control, credentials, clusters, sources, registries, plans.

import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { gunzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import {
  approve,
  Control,
  type Credential,
  dockerExecutor,
  Editor,
  Engine,
  localExecutor,
  Pipeline,
  plan,
  Reader,
  restore,
  type SimpleExecutor,
  script,
  version,
} from 'windlass'
import { opened, pipelineOf, refused, temporary } from './support.js'

const REPORT =
  '<testsuite name="web"><testcase classname="test_web" name="test_home"><failure message="404">no page</failure></testcase>' +
  '<testcase classname="test_web" name="test_login"/></testsuite>'
const BUILDS = pipelineOf([
  script('build', `echo built && mkdir dist && echo one > dist/one.txt && printf '%s' '${REPORT}' > report.xml`, {
    artifacts: [{ name: 'dist', paths: ['dist/**'] }],
    reports: { junit: ['report.xml'] },
  }),
])

async function all(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const taken: Buffer[] = []
  for await (const piece of pieces) taken.push(piece)
  return Buffer.concat(taken)
}

test('artifacts and reports of a run', async () => {
  const engine = await opened()
  const run = await engine.start(BUILDS)
  const outcome = await run.wait()
  expect(outcome.tasks[0]?.tests).toMatchObject({ tests: 2, failed: 1, failures: [{ name: 'test_home' }] })
  expect(outcome.tasks[0]?.artifacts.map(({ name }) => name)).toEqual(['dist'])
  const [artifact] = await run.artifacts()
  expect(artifact).toMatchObject({ name: 'dist', task: 'build', run: run.id, files: 1 })
  const archive = await all(run.artifact('dist'))
  expect(archive.length).toBe(artifact!.size)
  expect(gunzipSync(archive).toString('latin1')).toContain('dist/one.txt')
  const folder = path.join(temporary(), 'out')
  await run.unpackArtifact('dist', folder)
  expect(readFileSync(path.join(folder, 'dist/one.txt'), 'utf8')).toBe('one\n')
  expect(await run.testReport('build')).toMatchObject({ tests: 2, failed: 1, failures: [{ class: 'test_web' }] })
  expect(await run.testReport('other')).toBeNull()
  const wrong = await refused(run.unpackArtifact('dits', folder))
  expect(wrong).toMatchObject({ code: 'noSuchArtifact', kind: 'notFound' })
  expect(wrong.message).toBe('the run has no artifact "dits"; it has "dist"')
})

test('reading beside the engine', async () => {
  const dataDir = path.join(temporary(), 'data')
  await using engine = await Engine.open({ dataDir })
  const run = await engine.start(BUILDS, { actor: 'ana' })
  await run.wait()
  const reader = Reader.open(dataDir)
  expect(await reader.find('latest')).toBe(run.id)
  expect((await reader.runs({ pipeline: 'test' })).map(({ actor }) => actor)).toEqual(['ana'])
  expect((await reader.listing('test#1')).id).toBe(run.id)
  expect(await reader.summary(run.id)).toEqual(await run.summary())
  const types: string[] = []
  for await (const event of reader.runEvents('latest')) types.push(event.type)
  expect(types.at(-1)).toBe('runFinished')
  let position = 0
  for await (const event of reader.events()) position = event.position
  // Some are kept for the engine itself and never shown.
  expect(position).toBeLessThanOrEqual(await engine.newest())
  expect(await reader.newest()).toBe(await engine.newest())
  expect((await reader.artifacts('latest')).map(({ name }) => name)).toEqual(['dist'])
  const folder = path.join(temporary(), 'out')
  await reader.unpackArtifact('latest', 'dist', folder, { task: 'build' })
  expect(existsSync(path.join(folder, 'dist'))).toBe(true)
  expect((await all(reader.artifact('latest', 'dist'))).length).toBeGreaterThan(0)
  expect(await reader.testReport('latest', 'build')).toMatchObject({ failed: 1 })
  expect(await reader.log('latest', 'build')).toEqual(await run.log('build'))
  expect(await reader.tail('latest', 'build', { lines: 1 })).toEqual(await run.tail('build', { lines: 1 }))
  expect(await all(reader.download('latest'))).toEqual(await all(run.download()))
  const found = await reader.searchRun('latest', { pattern: 'built', ignoreCase: true })
  expect(found).toHaveLength(1)
  expect(found).toEqual(await run.search({ pattern: 'BUILT', ignoreCase: true }))
  expect((await reader.search({ pattern: 'built' }, { pipeline: 'test' })).matches).toEqual(found)
  await engine.pipelines.create(BUILDS, { by: 'ana' })
  expect((await reader.audit({ by: 'ana' })).map(({ type }) => type)).toEqual(['pipelineCreated', 'runRequested'])
  expect(await refused(reader.searchRun('latest', { pattern: '(', regex: true }))).toMatchObject({ code: 'badQuery' })
  expect([await reader.credentials(), await reader.clusters()]).toEqual([[], []])
  expect((await refused(() => Reader.open(path.join(temporary(), 'nowhere')))).kind).toBe('notFound')
})

test('control of an engine that another process holds', async () => {
  const dataDir = path.join(temporary(), 'data')
  const file = path.join(import.meta.dirname, `holder-${process.pid}.mjs`)
  writeFileSync(
    file,
    `import { approve, Engine, Pipeline, stage } from 'windlass'
    const engine = await Engine.open({ dataDir: process.argv[2] })
    const run = await engine.start(new Pipeline('ask', { stages: [stage('S', { tasks: [approve('sign-off')] })] }))
    for await (const event of run.events()) {
      if (event.type === 'approvalRequested') console.log('ready')
      if (event.type === 'approvalDecided') console.log(event.by, event.decision)
    }
    process.stdin.resume()
    process.stdin.on('end', () => process.exit())`,
  )
  const child = spawn(process.execPath, [file, dataDir], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill())
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  expect((await lines.next()).value).toBe('ready')
  const control = await Control.connect(dataDir)
  expect(await control.status()).toMatchObject({ pid: child.pid, running: 1, version: version() })
  expect(await control.approve('latest', 'sign-off', { by: 'ana' })).toMatchObject({ pipeline: 'ask', number: 1 })
  expect((await lines.next()).value).toBe('ana approved')
  expect(await control.setCredential('chat', { kind: 'token', token: 't0ken-t0ken' })).toMatchObject({ created: true })
  expect(await control.rotateMasterKey({ by: 'ana' })).toMatchObject({ credentials: 1 })
  const nowhere = { kind: 'kubeconfigFile', path: path.join(temporary(), 'config') } as const
  expect((await refused(control.addCluster('prod', nowhere, { by: 'ana' }))).code).toBe('badKubeconfig')
  expect((await refused(control.removeCluster('prod', { force: true }))).code).toBe('noSuchCluster')
  const again = await control.retry('ask#1', 'asItWas', { by: 'ana' })
  expect(again.number).toBe(2)
  expect((await control.cancel(again.id, { by: 'ana', reason: 'not today' })).number).toBe(2)
  expect((await refused(control.cancel('ask#7'))).kind).toBe('notFound')
  expect((await refused(control.retry('latest', 'fromStart' as never))).problems[0]?.path).toBe('mode')
  child.stdin.end()
  await new Promise((resolve) => child.once('exit', resolve))
  expect((await refused(Control.connect(dataDir))).code).toBe('noEngine')
})

test('credentials are tried, and sealed anew', async () => {
  const key = path.join(temporary(), 'key')
  const dataDir = path.join(temporary(), 'data')
  const ssh = async (name: string, credential: Credential, address: string) => {
    if (address === 'wrong') throw new Error('the door is closed')
    return `${name} with a ${credential.kind} opens ${address}`
  }
  const engine = await opened({ dataDir, masterKey: { file: key }, credentialTests: { ssh } })
  const token = { kind: 'token', token: 's3cret-t0ken' } as const
  await engine.credentials.set('team', token, { by: 'ana' })
  expect(await engine.credentials.test('team', { kind: 'ssh', address: 'host:22' })).toBe(
    'team with a token opens host:22',
  )
  const closed = await refused(engine.credentials.test('team', { kind: 'ssh', address: 'wrong' }))
  expect([closed.code, closed.message]).toEqual(['credentialRefused', expect.stringContaining('the door is closed')])
  const [before] = await engine.credentials.list()
  const rotation = await engine.credentials.rotateMasterKey({ by: 'ana' })
  const [after] = await engine.credentials.list()
  expect([rotation.credentials, after?.key, before?.key === after?.key]).toEqual([1, rotation.key, false])
  expect(await engine.credentials.open('team')).toEqual(token)
  expect([existsSync(key), existsSync(path.join(dataDir, 'master.key'))]).toEqual([true, false])
  const wrong = await refused(opened({ credentialTests: { door: ssh } as never }))
  expect(wrong.problems[0]?.path).toBe('credentialTests')
})

test('a run has secrets of its own', async () => {
  const engine = await opened()
  const tell = script('tell', 'test "$HOOK" = s3cret-t0ken && echo "$HOOK"', {
    secrets: [{ name: 'HOOK', from: 'chat' }],
  })
  const secrets = { chat: { kind: 'token', token: 's3cret-t0ken' } } as const
  const run = await engine.start(pipelineOf([tell]), { secrets, fork: true })
  expect((await run.wait()).status).toBe('succeeded')
  expect(await run.logs('tell')).not.toContain('s3cret')
})

test('what a run would do', async () => {
  const pipeline = Pipeline.fromYaml(`
name: p
parameters: [{name: TARGET, dynamic: true}]
concurrency: {group: "p-\${TARGET}"}
stages:
  - {name: Test, order: parallel, tasks: [{name: unit, script: make, matrix: {PY: ["3.11", "3.12"]}, retry: {attempts: 2}}]}
  - {name: Ship, tasks: [{name: ask, approve: {}}]}
finally: [{name: tell, script: echo}]
`)
  const planned = plan(pipeline, { parameters: { TARGET: 'dev' }, commit: { branch: 'main' } })
  expect(planned).toMatchObject({ pipeline: 'p', concurrency: { group: 'p-dev' }, parameters: { TARGET: 'dev' } })
  expect(planned.stages[0]?.tasks.map(({ task }) => task)).toEqual(['unit[PY=3.11]', 'unit[PY=3.12]'])
  expect([planned.stages[0]?.tasks[0]?.retry.attempts, planned.stages[1]?.tasks[0]?.afterStage]).toEqual([2, 'Test'])
  expect(planned.finally.map(({ name }) => name)).toEqual(['tell'])
  expect((await refused(() => plan(pipeline))).message).toContain('TARGET')
})

test('an editing session', async () => {
  const editor = new Editor(pipelineOf([script('unit', 'make test')]))
  const copied = editor.copyTask('unit')
  expect(copied).toMatchObject({ subject: { task: 'unit-2' }, canUndo: true, isChanged: true })
  const edited = editor.editTask('unit-2', script('lint', 'make lint', { needs: ['unti'] }))
  expect(edited.problems.map(({ path: place }) => place)).toEqual(['stages[0].tasks[1].needs[0]'])
  expect(editor.undo().problems).toEqual([])
  expect(editor.redo().definition).toEqual(edited.definition)
  editor.addStage({ name: 'Ship', order: 'parallel' }, { after: 'Test' })
  editor.addTask(script('tell', 'echo'), 'finally')
  editor.moveStage('Ship', 0)
  expect(editor.definition.toJSON().stages?.map(({ name }) => name)).toEqual(['Ship', 'Test'])
  expect(editor.reset().isChanged).toBe(false)
  expect((await refused(() => editor.deleteTask('unti'))).message).toContain('unti')
})

test('executors that come with Windlass', async () => {
  process.env.WINDLASS_TEST_PASSED = 'it is here'
  const silent: SimpleExecutor = { run: () => ({ code: 0 }) }
  const docker = dockerExecutor({
    endpoint: `unix://${temporary()}/none`,
    policy: { hardened: true, hostPaths: ['/srv'] },
  })
  const executors = { here: localExecutor({ passEnv: ['WINDLASS_TEST_PASSED'] }), there: docker, own: silent }
  const engine = await opened({ executors })
  const run = await engine.start(pipelineOf([script('t', 'echo "$WINDLASS_TEST_PASSED"')]))
  expect((await run.wait()).executor).toBe('here')
  expect(await run.logs('t')).toBe('it is here\n')
  expect(await engine.capabilities('there')).toMatchObject({ images: true })
  const image = pipelineOf([script('t', 'true', { image: 'busybox' })])
  const lost = await (await engine.start(image, { executor: 'there' })).wait()
  expect((lost.cause ?? lost.tasks[0]?.cause)?.code).toBe('dockerUnreachable')
  expect((await (await engine.start(image, { executor: 'own' })).wait()).status).toBe('succeeded')
  const wrong = await refused(opened({ executors: { there: dockerExecutor({ endpoint: 'localhost:2375' }) } }))
  expect(wrong.problems[0]?.path).toBe('endpoint')
})

test('repositories are asked', async () => {
  const repository = path.join(temporary(), 'repository')
  mkdirSync(repository)
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', repository, '-c', 'user.name=Ana', '-c', 'user.email=a@example.com', ...args])
  git('init', '--quiet', '--initial-branch', 'main')
  git('commit', '--quiet', '--allow-empty', '--message', 'Begin')
  git('tag', 'v1')
  const head = git('rev-parse', 'HEAD').toString().trim()
  const engine = await opened()
  const refs = await engine.sources.refs({ url: repository })
  expect(refs).toEqual({ default: 'main', branches: { main: head }, tags: { v1: head } })
  await engine.sources.test({ url: repository })
  await engine.sources.forget(repository)
  expect((await refused(engine.sources.test({ url: `${repository}-2` }))).operation).toBe('source')
})

test('registries that cannot be reached', async () => {
  const engine = await opened()
  const server = { server: '127.0.0.1:9', insecure: true }
  expect((await refused(engine.registries.test(server))).kind).toBe('unavailable')
  expect((await refused(engine.registries.tags({ ...server, repository: 'team/web' }))).kind).toBe('unavailable')
})

test('backup and restore, and an engine that drains', async () => {
  const folder = temporary()
  const engine = await opened()
  const run = await engine.start(pipelineOf([approve('ask')]))
  for await (const event of run.events()) if (event.type === 'approvalRequested') break
  expect(await engine.backup(path.join(folder, 'backup'), { by: 'ana' })).toMatchObject({ runs: 1 })
  const restored = await restore(path.join(folder, 'backup'), path.join(folder, 'again'))
  expect(restored).toMatchObject({ runs: 1, unfinished: [run.id] })
  expect((await engine.drain({ limit: '1ms' })).leftRunning).toEqual([run.id])
  await run.cancel()
  expect((await engine.drain()).leftRunning).toEqual([])
  await using again = await Engine.open({ dataDir: path.join(folder, 'again') })
  expect(again.recovered).toEqual([run.id])
})

function kubeconfig(): string {
  const own = process.env.WINDLASS_TEST_CLUSTER ?? path.join(homedir(), '.cache/windlass-test-cluster')
  const file = process.env.KUBECONFIG || path.join(own, 'run/admin.kubeconfig')
  const missing = 'this test needs a Kubernetes cluster: run tests/cluster/up (Linux, as root), or set KUBECONFIG'
  expect(existsSync(file), missing).toBe(true)
  return file
}

const MANIFEST = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: \${REPLICAS}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {terminationGracePeriodSeconds: 0, containers: [{name: web, image: "127.0.0.1:15000/library/busybox:1", command: [sleep, "600"]}]}
`

test('deployment to a cluster', async () => {
  const { clusters } = await opened()
  const access = { kind: 'kubeconfigFile', path: kubeconfig() } as const
  await clusters.add('lang', access, { namespace: 'windlass-node', by: 'ana' })
  expect(await clusters.list()).toMatchObject([{ name: 'lang', addedBy: 'ana', health: { failing: [] } }])
  expect((await clusters.rights('lang')).flatMap(({ missing }) => missing)).toEqual([])
  expect(await clusters.missingRole('lang')).toBeNull()
  expect(await clusters.role('team', 'ci')).toContain('kind: Role')
  const deployment = { cluster: 'lang', deployment: 'web', manifests: MANIFEST, variables: { REPLICAS: '0' } }
  expect(await clusters.preview(deployment)).toMatchObject([
    { object: 'Deployment windlass-node/web', action: 'create' },
  ])
  expect((await clusters.deploy(deployment)).objects.map(({ outcome }) => outcome)).toEqual(['created'])
  const web = clusters.workload('lang', 'deployment/web')
  expect(await web.status()).toEqual({ state: 'done', message: null })
  await web.wait({ limit: '1m' })
  expect((await web.history()).map(({ current }) => current)).toEqual([true])
  await web.pause()
  expect((await web.status()).state).toBe('going')
  await web.resume()
  await web.delete()
  expect((await refused(web.status())).code).toBe('notInCluster')
  const pod = await refused(clusters.workload('lang', 'pod/web').status())
  expect(pod.problems[0]?.path).toBe('workload')
  await clusters.remove('lang', { by: 'ana' })
  expect(await clusters.stored()).toEqual([])
})
