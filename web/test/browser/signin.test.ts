import { afterAll, beforeAll, expect, test } from 'vitest'
import { World } from './world'

let world: World
beforeAll(async () => {
  world = await World.open({ SIGNUP: 'open' })
})
afterAll(async () => {
  await world.close()
  expect(world.errors).toEqual([])
})

/** mailFor returns the code and the link of the next mail, which the server prints without a mail server. */
async function mailFor(from: number) {
  const link = await world.server.printed(/\/login#t=(\w+)/, from)
  const code = await world.server.printed(/(\d{3} \d{3}) is your/, from).catch(() => null)
  return { token: link[1]!, code: code?.[1] ?? '' }
}

test('the printed link makes the first account, and leads to the first project', async () => {
  const page = await world.page()
  await page.goto(await world.setupLink())
  await page.getByLabel('Your mail address').fill('ann@example.com')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Your first project' }).waitFor()
  expect(new URL(page.url()).pathname).toBe('/projects')
  await page.context().close()
})

test('a page without a session leads to sign-in, and back by the code', async () => {
  const page = await world.page()
  await page.goto('/account')
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  const from = world.server.output().length
  await page.getByLabel('Mail address').fill('ann@example.com')
  await page.keyboard.press('Enter')
  const { code } = await mailFor(from)
  await page.getByLabel('Digit 1 of 6').click()
  await page.keyboard.type(code.replace(' ', ''))
  await page.getByRole('heading', { name: 'Account' }).waitFor()
  expect(new URL(page.url()).pathname).toBe('/account')
  await page.context().close()
})

test('the link signs in by itself where it was asked for, and asks for the address elsewhere', async () => {
  const page = await world.page()
  const from = world.server.output().length
  await page.goto('/login')
  await page.getByLabel('Mail address').fill('bob@example.com')
  await page.keyboard.press('Enter')
  const { token } = await mailFor(from)
  const other = await world.page()
  await other.goto(`/login#t=${token}`)
  await other.getByText('The link was asked for in another browser').waitFor()
  await page.goto('/login')
  await page.goto(`/login#t=${token}`)
  await page.reload()
  await page.getByRole('heading', { name: 'Your first project' }).waitFor()
  await other.getByLabel('Mail address').fill('bob@example.com')
  await other.getByRole('button', { name: 'Sign in' }).click()
  await other.getByText('The link or the code was used').waitFor()
  await page.context().close()
  await other.context().close()
})

test('an invitation is accepted with the address that it went to', async () => {
  const page = await world.page()
  await page.goto('/invite')
  await page.getByRole('heading', { name: 'This link is not whole' }).waitFor()
  await page.goto('/invite#t=' + 'a'.repeat(43))
  await page.reload()
  await page.getByLabel('Mail address').fill('eve@example.com')
  await page.keyboard.press('Enter')
  await page.getByRole('alert').waitFor()
  await page.context().close()
})
