import type { BrowserContext } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { World, type Project } from './world'

let world: World
let context: BrowserContext
let project: Project
beforeAll(async () => {
  world = await World.open()
  context = await world.signIn()
  project = await world.newProject(context, { requestLimit: 50, tiers: { pro: { requestLimit: 500 } } })
  const items = Array.from({ length: 300 }, (_, i) => ({ identity: `user-${String(i).padStart(4, '0')}`, ...(i % 3 === 0 ? { tier: 'pro' } : {}) }))
  await project.call('POST', '/identities/bulk', { items })
  for (let i = 0; i < 3; i++) expect(await project.chat('user-0007')).toBe(200)
})
afterAll(async () => {
  await world.close()
  expect(world.errors).toEqual([])
})

test('the list has every user, by scrolling, and the search looks at all of them', async () => {
  const page = await world.page({ context })
  await page.goto(`/p/${project.id}/users`)
  await page.getByText('300 users').waitFor()
  await page.getByRole('button', { name: 'user-0000', exact: true }).waitFor()
  await page.getByLabel('Search by the beginning of a name').fill('user-029')
  await page.getByText('10 users').waitFor()
  await page.getByRole('button', { name: 'user-0299', exact: true }).waitFor()
  expect(new URL(page.url()).search).toBe('?q=user-029')
  await page.reload()
  await page.getByText('10 users').waitFor()
  await page.getByLabel('Search by the beginning of a name').fill('nobody')
  await page.getByText('No user fits').waitFor()
  await page.close()
})

test('opening a user is a step of the history, typing is none', async () => {
  const page = await world.page({ context })
  await page.goto(`/p/${project.id}/users`)
  await page.getByLabel('Search by the beginning of a name').pressSequentially('user-000')
  await page.getByText('10 users').waitFor()
  await page.getByRole('button', { name: 'user-0007', exact: true }).click()
  await page.getByRole('dialog', { name: 'user-0007' }).waitFor()
  await page.goBack()
  await page.getByRole('dialog', { name: 'user-0007' }).waitFor({ state: 'hidden' })
  expect(new URL(page.url()).search).toBe('?q=user-000')
  await page.close()
})

test('limits, credits, a promotion and a reset of one user', async () => {
  const page = await world.page({ context })
  await page.goto(`/p/${project.id}/users?user=user-0007`)
  const drawer = page.getByRole('dialog', { name: 'user-0007' })
  await drawer.getByLabel('Requests').fill('0')
  await drawer.getByText('Will be: Blocked').waitFor()
  await drawer.getByRole('button', { name: 'Save' }).click()
  await page.getByText('In force from the next request on.').waitFor()
  expect(await project.chat('user-0007')).toBe(429)
  expect((await project.call<{ requestLimit: number }>('GET', '/identities/user-0007')).requestLimit).toBe(0)
  await drawer.getByLabel('Requests').fill('')
  await drawer.getByRole('button', { name: 'Save' }).click()
  await drawer.getByRole('button', { name: 'Save' }).and(page.locator(':disabled')).waitFor()
  expect((await project.call<{ requestLimit: number | null }>('GET', '/identities/user-0007')).requestLimit).toBeNull()

  await drawer.getByRole('tab', { name: 'Credits' }).click()
  await drawer.getByLabel('Requests').fill('10')
  await drawer.getByLabel('Reason').first().fill('bought a pack')
  await drawer.getByRole('button', { name: 'Give' }).click()
  await page.getByText('Given: 10 requests.').waitFor()

  await drawer.getByRole('tab', { name: 'Usage' }).click()
  await drawer.getByText('3 of 50').waitFor()
  await drawer.getByRole('button', { name: 'Reset this period’s usage' }).click()
  await page.getByRole('dialog', { name: 'Reset this period’s usage?' }).getByRole('button', { name: 'Reset' }).click()
  await drawer.getByText('0 of 50').waitFor()

  await drawer.getByRole('tab', { name: 'Changes' }).click()
  await drawer.getByText('bought a pack').waitFor()
  await page.close()
})
