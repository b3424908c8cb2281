// The page: everything that comes from runs is text, never markup.

const element = (name) => document.getElementById(name)
const post = (url, body = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-user': 'ana' },
    body: JSON.stringify(body),
  })

async function listPipelines() {
  const pipelines = await (await fetch('/api/pipelines')).json()
  element('pipelines').replaceChildren(
    ...pipelines.map(({ name, parameters }) => {
      const form = document.createElement('form')
      form.append(`${name} `)
      for (const parameter of parameters) {
        const input = document.createElement('input')
        input.name = parameter.name
        input.value = parameter.default ?? ''
        input.title = parameter.description ?? ''
        form.append(`${parameter.name} `, input, ' ')
      }
      const start = document.createElement('button')
      start.textContent = 'Start'
      form.append(start)
      form.addEventListener('submit', async (submitted) => {
        submitted.preventDefault()
        const values = Object.fromEntries(new FormData(form))
        const answer = await post(`/api/pipelines/${encodeURIComponent(name)}/runs`, { parameters: values })
        const run = await answer.json()
        if (answer.ok) follow(run.id)
        else element('state').textContent = run.message
      })
      return form
    }),
  )
}

function follow(run) {
  location.hash = run
  element('run').textContent = run
  element('log').textContent = ''
  element('cancel').hidden = false
  // The browser connects again by itself, and says by Last-Event-ID how far it has come.
  const source = new EventSource(`/api/runs/${run}/events`)
  const on = (type, act) => source.addEventListener(type, (event) => act(JSON.parse(event.data)))
  on('runQueued', () => {
    element('state').textContent = 'queued'
  })
  on('runStarted', () => {
    element('state').textContent = 'running'
  })
  on('log', ({ task, text }) => element('log').append(`${task}| ${text ?? '(bytes)\n'}`))
  on('approvalRequested', ({ task, message }) => {
    element('question').textContent = message
    element('approve').hidden = false
    element('approve').onclick = () => post(`/api/runs/${run}/tasks/${encodeURIComponent(task)}/approve`)
  })
  on('approvalDecided', () => {
    element('question').textContent = ''
    element('approve').hidden = true
  })
  on('runFinished', ({ state }) => {
    element('state').textContent = state
    element('cancel').hidden = true
    source.close()
  })
  element('cancel').onclick = () => post(`/api/runs/${run}/cancel`)
}

listPipelines()
if (location.hash.length > 1) follow(location.hash.slice(1))
