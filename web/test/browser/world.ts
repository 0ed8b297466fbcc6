import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { startServer, type Server } from '../../scripts/server.mjs'
import { chromiumFlags, chromiumPath } from './chromium'

/** A provider on this machine that answers each chat completion with a few tokens. */
export async function startProvider() {
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => {
      response.setHeader('Content-Type', 'application/json')
      if (request.method === 'GET') {
        response.end(JSON.stringify({ object: 'list', data: [{ id: 'gpt-4o' }, { id: 'gpt-4o-mini' }] }))
        return
      }
      response.end(
        JSON.stringify({ id: 'x', object: 'chat.completion', model: 'gpt-4o', choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'Hello!' } }], usage: { prompt_tokens: 12, completion_tokens: 10, total_tokens: 22 } }),
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, stop: () => server.close() }
}

/** World is a running server, a browser, and what went wrong in its pages. */
export class World {
  /** Errors of pages, violations of their policy among them. A test that ends with some has failed. */
  readonly errors: string[] = []
  private contexts: BrowserContext[] = []

  private constructor(
    readonly server: Server,
    readonly browser: Browser,
    readonly provider: { url: string; stop: () => void },
  ) {}

  static async open(env: Record<string, string> = {}): Promise<World> {
    const [server, browser, provider] = await Promise.all([
      startServer(env),
      chromium.launch({ executablePath: chromiumPath, headless: true, args: chromiumFlags }),
      startProvider(),
    ])
    return new World(server, browser, provider)
  }

  get url() {
    return this.server.url
  }

  /** page opens a page in a browser of its own, or in a given one. */
  async page(options: { context?: BrowserContext; width?: number; height?: number; dark?: boolean } = {}): Promise<Page> {
    const context = options.context ?? (await this.newContext(options))
    const page = await context.newPage()
    page.setDefaultTimeout(15_000)
    page.on('pageerror', (error) => this.errors.push(`${page.url()}: ${error.message}`))
    page.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) this.errors.push(`${page.url()}: ${message.text()}`)
    })
    page.on('request', (request) => {
      if (!request.url().startsWith(this.url) && !/^(data|blob):/.test(request.url())) this.errors.push(`a request to another host: ${request.url()}`)
    })
    return page
  }

  async newContext({ width = 1280, height = 900, dark = false }: { width?: number; height?: number; dark?: boolean } = {}): Promise<BrowserContext> {
    const context = await this.browser.newContext({
      baseURL: this.url,
      viewport: { width, height },
      colorScheme: dark ? 'dark' : 'light',
      locale: 'en-US',
      timezoneId: 'Europe/Berlin',
      reducedMotion: 'reduce',
      permissions: ['clipboard-read', 'clipboard-write'],
    })
    this.contexts.push(context)
    return context
  }

  /** setupLink is the link that the server has printed for the first account. */
  async setupLink(): Promise<string> {
    return (await this.server.printed(/http:\/\/localhost:\d+\/login#setup=\w+/))[0]
  }

  /** signIn makes the first account through the API, and returns a browser that has its session. */
  async signIn(email = 'ann@example.com'): Promise<BrowserContext> {
    const context = await this.newContext()
    const token = (await this.setupLink()).split('setup=')[1]
    const answer = await context.request.post('/api/auth/setup', { data: { token, email } })
    if (!answer.ok()) throw new Error(`setup: ${answer.status()} ${await answer.text()}`)
    return context
  }

  /** newProject creates a project with the session of a browser. Its OpenAI is the provider on this machine. */
  async newProject(context: BrowserContext, settings: object = {}, template = 'count'): Promise<Project> {
    const answer = await context.request.post('/api/projects', {
      data: { name: 'My app', template, settings: { providers: { openai: { baseUrl: this.provider.url, key: 'sk-test-of-the-provider-on-this-machine' } }, ...settings } },
    })
    if (answer.status() !== 201) throw new Error(`project: ${answer.status()} ${await answer.text()}`)
    const body = (await answer.json()) as { project: { projectId: string }; secretKey: string }
    return new Project(this.url, body.project.projectId, body.secretKey)
  }

  async close() {
    await this.browser.close()
    this.provider.stop()
    await this.server.stop()
  }
}

/** Project makes requests as an app does, and calls as its server does. */
export class Project {
  constructor(
    readonly url: string,
    readonly id: string,
    readonly secretKey: string,
  ) {}

  /** chat sends a request to a model, and returns its status. */
  async chat(identity: string | null, model = 'gpt-4o', headers: Record<string, string> = {}): Promise<number> {
    const answer = await fetch(`${this.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'x-project-key': this.id, ...(identity ? { 'x-identity': identity } : {}), ...headers },
      body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello!' }] }),
    })
    await answer.text()
    return answer.status
  }

  /** call calls the API with the secret key. */
  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(`${this.url}/api/projects/${this.id}${path}`, {
      method,
      headers: { Authorization: `Bearer ${this.secretKey}`, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return (answer.status === 204 ? undefined : await answer.json()) as T
  }

  async settings(): Promise<Record<string, never>> {
    return (await this.call<{ settings: Record<string, never> }>('GET', '')).settings
  }
}

/** until asks again until a condition holds; it is for what the server does in the background. */
export async function until(condition: () => Promise<boolean>, what: string, patience = 20_000) {
  for (const end = Date.now() + patience; Date.now() < end; ) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`not within ${patience} ms: ${what}`)
}
