import AxeBuilder from '@axe-core/playwright'
import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until, World, type Project } from './world'
import type { BrowserContext } from 'playwright-core'

/** Screenshots are for people to look at. They are kept outside of git, in SCREENSHOTS. */
const folder = process.env.SCREENSHOTS ?? mkdtempSync(join(tmpdir(), 'airatelimit-screenshots-'))
mkdirSync(folder, { recursive: true })

let world: World
let session: BrowserContext
let project: Project
let fresh: Project

beforeAll(async () => {
  world = await World.open()
  session = await world.signIn()
  fresh = await world.newProject(session, {}, 'starter')
  project = await world.newProject(session, {
    requestLimit: 50,
    costLimitUsd: 0.5,
    defaultTier: 'free',
    modelLimits: { 'gemini-2.5-flash': { requestLimit: -1 }, o3: { requestLimit: 0 } },
    tiers: { free: { modelLimits: { 'gpt-4o': { requestLimit: 5 } }, concurrentRequests: 2 }, pro: { requestLimit: 500, modelLimits: { 'gpt-4o': { requestLimit: 500 }, o3: { requestLimit: 10 } }, requestsPerMinute: 60 } },
    limitResponse: { message: "You've used {{usage}}/{{limit}} free requests. Upgrade to Pro!", deepLink: 'app://upgrade' },
  })
  for (const [user, model, times] of [['user-77', 'gpt-4o-mini', 12], ['user-1', 'gpt-4o', 6], ['user-9', 'gpt-4o', 4], ['user-31', 'gpt-4o-mini', 5]] as const) {
    for (let i = 0; i < times; i++) await project.chat(user, model)
  }
  for (let i = 0; i < 9; i++) await project.chat('user-88', 'gpt-4o', { 'x-tier': 'pro' })
  await project.chat(null)
  await project.call('POST', '/identities/bulk', { items: Array.from({ length: 30 }, (_, i) => ({ identity: `customer-${String(i).padStart(3, '0')}`, ...(i % 4 === 0 ? { tier: 'pro' } : {}), ...(i === 3 ? { enabled: false } : {}), ...(i === 5 ? { requestLimit: 1000 } : {}) })) })
  await project.call('POST', '/identities/user-9/gift', { requests: 10, reason: 'bought a pack' })
  await project.call('PATCH', '?reason=launch', { tiers: { free: { concurrentRequests: 3 } } })
  await until(async () => {
    const overview = await project.call<{ now: { requests: number; refused: number } }>('GET', '/overview')
    return overview.now.requests >= 35 && overview.now.refused >= 2
  }, 'the reports have the usage')
})
afterAll(async () => {
  await world.close()
  expect(world.errors).toEqual([])
})

interface Shot {
  name: string
  path: () => string
  ready: (page: Page) => Promise<unknown>
  open?: boolean // needs no session
}

const shots: Shot[] = [
  { name: 'login', path: () => '/login', ready: (p) => p.getByRole('heading', { name: 'Sign in' }).waitFor(), open: true },
  { name: 'invite', path: () => '/invite#t=' + 'a'.repeat(43), ready: (p) => p.getByRole('heading', { name: 'You are invited' }).waitFor(), open: true },
  { name: 'projects', path: () => '/projects', ready: (p) => p.getByText('requests today').waitFor() },
  { name: 'project-new', path: () => '/projects?create=true', ready: (p) => p.getByLabel('What is your app called?').waitFor() },
  { name: 'account', path: () => '/account', ready: (p) => p.getByText('this one').first().waitFor() },
  { name: 'start-key', path: () => `/p/${fresh.id}/start?with=none`, ready: (p) => p.getByRole('heading', { name: 'Who answers?' }).waitFor() },
  { name: 'start-request', path: () => `/p/${fresh.id}/start`, ready: (p) => p.getByText('live', { exact: true }).waitFor() },
  { name: 'overview', path: () => `/p/${project.id}/overview`, ready: (p) => p.getByText('user-77').waitFor() },
  { name: 'overview-empty', path: () => `/p/${fresh.id}/overview`, ready: (p) => p.getByRole('heading', { name: 'Overview' }).waitFor() },
  { name: 'limits', path: () => `/p/${project.id}/limits?tier=free&model=gpt-4o&user=user-1`, ready: (p) => p.getByText('The 6th request gets:').waitFor() },
  { name: 'limits-json', path: () => `/p/${project.id}/limits?json=true`, ready: (p) => p.getByLabel('The settings as JSON').waitFor() },
  { name: 'history', path: () => `/p/${project.id}/limits/history`, ready: (p) => p.getByText('“launch”').waitFor() },
  { name: 'users', path: () => `/p/${project.id}/users`, ready: (p) => p.getByRole('button', { name: 'customer-000' }).waitFor() },
  { name: 'user-limits', path: () => `/p/${project.id}/users?user=user-9`, ready: (p) => p.getByRole('dialog').getByLabel('Requests').waitFor() },
  { name: 'user-credits', path: () => `/p/${project.id}/users?user=user-9&tab=credits`, ready: (p) => p.getByText('Give credits').waitFor() },
  { name: 'user-usage', path: () => `/p/${project.id}/users?user=user-9&tab=usage`, ready: (p) => p.getByText('Reset this period’s usage').waitFor() },
]

const sizes = [
  { width: 1280, height: 900 },
  { width: 360, height: 740 },
]

describe.each(sizes)('at $width px', (size) => {
  describe.each([{ scheme: 'light' as const }, { scheme: 'dark' as const }])('$scheme', ({ scheme }) => {
    let signed: BrowserContext
    let open: BrowserContext
    beforeAll(async () => {
      signed = await world.newContext({ ...size, dark: scheme === 'dark' })
      await signed.addCookies(await session.cookies())
      open = await world.newContext({ ...size, dark: scheme === 'dark' })
    })
    afterAll(async () => {
      await signed.close()
      await open.close()
    })

    test.each(shots)('$name', async (shot) => {
      const page = await world.page({ context: shot.open ? open : signed })
      await page.goto(shot.path())
      await shot.ready(page)
      await until(async () => (await page.locator('.mantine-Skeleton-root').count()) === 0, 'everything is loaded')
      await page.screenshot({ path: join(folder, `${shot.name}-${size.width}-${scheme}.png`), fullPage: (await page.getByRole('dialog').count()) === 0 })
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
      expect(overflow, 'the page scrolls sideways').toBeLessThanOrEqual(0)
      const found = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']).analyze()
      expect(found.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target.join(' ')} ${n.failureSummary ?? ''}`).join(' | ')}`)).toEqual([])
      await page.close()
    })
  })
})
