import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until, World, type Project } from './world'
import type { BrowserContext } from 'playwright-core'

let world: World
let context: BrowserContext
beforeAll(async () => {
  world = await World.open()
  context = await world.signIn()
})
afterAll(async () => {
  await world.close()
  expect(world.errors).toEqual([])
})

const settings = { requestLimit: 50, tiers: { free: { modelLimits: { 'gpt-4o': { requestLimit: 5 } } }, pro: { requestLimit: 500 } }, limitResponse: { message: 'You used {{usage}} of {{limit}}.' } }

async function open(): Promise<{ page: Page; project: Project }> {
  const project = await world.newProject(context, settings)
  const page = await world.page({ context })
  await page.goto(`/p/${project.id}/limits`)
  await page.getByRole('grid').waitFor()
  return { page, project }
}

const cell = (page: Page, name: string) => page.getByRole('gridcell').getByRole('button', { name })

describe('the matrix', () => {
  test('shows four states, and where an inherited value is from', async () => {
    const { page } = await open()
    await cell(page, 'free · gpt-4o: 5').waitFor()
    await cell(page, 'pro · gpt-4o: 500, inherits from pro · all other models').waitFor()
    await cell(page, 'free · all other models: 50, inherits from Everyone · all other models').waitFor()
    await cell(page, 'Everyone · requests a minute: no cap').waitFor()
    await page.close()
  })

  test('is edited by the keyboard, and saved after a review', async () => {
    const { page, project } = await open()
    await cell(page, 'Everyone · all other models: 50').focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowRight') // free · gpt-4o
    await page.keyboard.type('10k')
    await page.keyboard.press('Enter')
    await cell(page, 'free · gpt-4o: 10,000, not saved').waitFor()
    await page.keyboard.press('ArrowRight') // pro · gpt-4o
    await page.keyboard.press('u')
    await cell(page, 'pro · gpt-4o: Unlimited, not saved').waitFor()
    await page.keyboard.press('x')
    await cell(page, 'pro · gpt-4o: Blocked, not saved').waitFor()
    await page.keyboard.press('Control+z')
    await cell(page, 'pro · gpt-4o: Unlimited, not saved').waitFor()
    await page.getByText('2 unsaved changes').waitFor()
    expect((await project.settings()).tiers).not.toHaveProperty('pro.modelLimits.gpt-4o')

    await page.reload() // the draft is kept in the tab
    await page.getByText('2 unsaved changes').waitFor()
    await page.getByRole('button', { name: 'Review and save' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('Look twice').waitFor()
    expect(await dialog.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true)
    await dialog.getByLabel('That is what I want').check()
    await dialog.getByLabel('Reason').fill('launch')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByText('In force.').waitFor()
    const saved = (await project.settings()) as unknown as typeof settings
    expect(saved.tiers.free.modelLimits['gpt-4o'].requestLimit).toBe(10_000)

    await page.getByRole('button', { name: 'Undo', exact: true }).click()
    await page.getByText('Taken back.').waitFor()
    const back = (await project.settings()) as unknown as typeof settings
    expect(back.tiers.free.modelLimits['gpt-4o'].requestLimit).toBe(5)
    await page.getByRole('link', { name: 'History' }).click()
    await page.getByText('“launch”').waitFor()
    await page.close()
  })

  test('a typed zero is Blocked, in words, and a wrong number is refused', async () => {
    const { page } = await open()
    await cell(page, 'free · gpt-4o: 5').click()
    const input = page.getByRole('textbox', { name: 'A number of requests' })
    await input.fill('0')
    await page.getByText('Enter sets: Blocked').waitFor()
    await input.fill('1.5')
    await page.getByText('Requests are whole numbers.').waitFor()
    await page.keyboard.press('Escape')
    await cell(page, 'free · gpt-4o: 5').waitFor()
    await page.close()
  })

  test('pasting a block fills cells', async () => {
    const { page } = await open()
    await page.evaluate(() => navigator.clipboard.writeText('7\t8\t9'))
    await cell(page, 'Everyone · all other models: 50').focus()
    await page.keyboard.press('Control+V')
    await cell(page, 'pro · all other models: 9, not saved').waitFor()
    await page.close()
  })

  test('a new tier and a new model inherit everything', async () => {
    const { page } = await open()
    await page.getByRole('button', { name: 'tier', exact: true }).click()
    await page.getByLabel('Name').fill('team')
    await page.keyboard.press('Enter')
    await cell(page, 'team · all other models: 50, inherits').waitFor()
    await page.getByRole('combobox', { name: 'Add a model' }).fill('o3')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await cell(page, 'team · o3: 50, inherits').waitFor()
    await page.close()
  })
})

describe('what if', () => {
  test('answers for the unsaved draft as the gateway would', async () => {
    const { page, project } = await open()
    await cell(page, 'free · gpt-4o: 5').click()
    await page.keyboard.type('2')
    await page.keyboard.press('Enter')
    const whatIf = page.getByRole('region', { name: 'What if' })
    await whatIf.getByText('2 a day').waitFor()
    await whatIf.getByText('The 3rd request gets:').waitFor()
    expect(new URL(page.url()).search).toBe('?tier=free&model=gpt-4o')
    await whatIf.getByText('You used 2 of 2.').first().waitFor()
    expect(await project.chat('me', 'gpt-4o', { 'x-tier': 'free' })).toBe(200) // nothing is saved
    await page.close()
  })
})

describe('two people', () => {
  test('changes that do not touch are merged, others are asked about', async () => {
    const { page, project } = await open()
    await cell(page, 'free · gpt-4o: 5').click()
    await page.keyboard.type('6')
    await page.keyboard.press('Enter')
    await project.call('PATCH', '', { requestLimit: 70 })
    await page.getByRole('button', { name: 'Review and save' }).click()
    await cell(page, 'Everyone · all other models: 70').waitFor()
    await cell(page, 'free · gpt-4o: 6, not saved').waitFor()

    await project.call('PATCH', '', { tiers: { free: { modelLimits: { 'gpt-4o': { requestLimit: 9 } } } } })
    await page.getByRole('button', { name: 'Review and save' }).click()
    await page.getByText('Somebody else has changed these too').waitFor()
    await page.getByRole('button', { name: 'Mine: 6' }).click()
    await page.getByRole('button', { name: 'Review and save' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
    await page.getByText('In force.').waitFor()
    const saved = (await project.settings()) as unknown as typeof settings
    expect([saved.requestLimit, saved.tiers.free.modelLimits['gpt-4o'].requestLimit]).toEqual([70, 6])
    await page.close()
  })
})

test('an expired session opens a sheet over the page, and no edit is lost', async () => {
  const project = await world.newProject(context, settings)
  const page = await world.page({ context })
  await page.goto(`/p/${project.id}/limits`)
  await cell(page, 'free · gpt-4o: 5').click()
  await page.keyboard.type('6')
  await page.keyboard.press('Enter')
  await page.getByText('The 7th request gets:').waitFor() // no call is under way
  await context.clearCookies()
  await page.getByRole('button', { name: 'Review and save' }).click()
  await page.getByText('Your session has ended').waitFor()
  const from = world.server.output().length
  await page.getByRole('button', { name: 'Send me a link and a code' }).click()
  const code = (await world.server.printed(/(\d{3} \d{3}) is your/, from))[1]!
  await page.getByLabel('Digit 1 of 6').click()
  await page.keyboard.type(code.replace(' ', ''))
  await page.getByRole('dialog', { name: 'Review' }).getByRole('button', { name: 'Save' }).click()
  await page.getByText('In force.').waitFor()
  await until(async () => ((await project.settings()) as unknown as typeof settings).tiers.free.modelLimits['gpt-4o'].requestLimit === 6, 'the change is saved')
  await page.close()
})
