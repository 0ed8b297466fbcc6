import { afterAll, beforeAll, expect, test } from 'vitest'
import { Project, World } from './world'

let world: World
beforeAll(async () => {
  world = await World.open()
})
afterAll(async () => {
  await world.close()
  expect(world.errors).toEqual([])
})

// The promise of the first run: from the printed link to a limited 429 with at most one click and sixty keys.
test('from the printed link to the first 429', async () => {
  const page = await world.page()
  let keys = 0
  const press = async (...all: string[]) => {
    for (const key of all) {
      await page.keyboard.press(key)
      keys++
    }
  }
  const type = async (text: string) => {
    await page.keyboard.type(text)
    keys += text.length
  }
  const clicks = 1 // the link in the terminal
  await page.goto(await world.setupLink())
  await page.getByLabel('Your mail address').waitFor()
  await type('ann@example.com')
  await press('Enter')
  await page.getByLabel('What is your app called?').waitFor()
  await press('Enter')
  await page.getByRole('heading', { name: 'Who answers?' }).waitFor()
  const projectId = new URL(page.url()).pathname.split('/')[2]!

  // The provider of this test is on this machine. A person pastes a key, or takes the echo, with as many keys.
  const project = await page.request.get(`/api/projects/${projectId}`)
  await page.request.patch(`/api/projects/${projectId}`, {
    headers: { 'If-Match': project.headers().etag! },
    data: { providers: { openai: { baseUrl: world.provider.url } } },
  })
  await page.reload()
  await page.getByLabel('A provider’s key', { exact: true }).waitFor()
  await page.evaluate(() => navigator.clipboard.writeText('sk-test-0123456789abcdefghij'))
  await press('Control+V', 'Enter')
  await page.getByRole('heading', { name: 'Send a request' }).waitFor()

  const app = new Project(world.url, projectId, '')
  const text = await page.getByLabel('Request to paste into a terminal').innerText()
  expect(text).toContain(`x-project-key: ${projectId}`)
  expect(text).toContain(`${world.url}/v1/chat/completions`)
  keys += 2 // copy and paste
  await page.getByText('live', { exact: true }).waitFor()
  expect(await app.chat(null)).toBe(400)
  await page.getByText('missing_identity').waitFor()
  for (let i = 0; i < 5; i++) {
    keys += 2 // ↑ Enter
    expect(await app.chat('me')).toBe(200)
  }
  await page.getByText('0 of 5 left').waitFor()
  keys += 2
  expect(await app.chat('me')).toBe(429)
  await page.getByText('That is what your user sees:').waitFor()
  await page.getByText("You've used 5 of 5 today. Upgrade to Pro!").waitFor()
  expect(clicks).toBeLessThanOrEqual(1)
  expect(keys).toBeLessThanOrEqual(60)
  await page.getByRole('link', { name: 'Set your limits' }).click()
  await page.getByRole('heading', { name: 'Limits', exact: true }).waitFor()

  // Opened again, the page knows from the project what is done, and makes no further key.
  await page.goto(`/p/${projectId}/start`)
  await page.getByText('The first request came').waitFor()
  expect(await page.getByText('The secret key, for your server').count()).toBe(0)
})
