import { Anchor, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { api } from '../../api/client'
import { at, type Json } from '../../settings/patch'
import { chatCurl } from '../../settings/commands'
import { Code } from '../../ui/Code'
import { nameOfVendor, type Choice } from './choice'

/** FirstRequest shows a request with the project's own values, to paste into a terminal. */
export function FirstRequest({ projectId, chosen, onChange }: { projectId: string; chosen: Choice; onChange: () => void }) {
  const project = api.useQuery('get', '/api/projects/{projectId}', { params: { path: { projectId } } })
  const models = api.useQuery('get', '/api/projects/{projectId}/models', { params: { path: { projectId }, query: { limit: 50 } } })
  const model = modelFor(chosen, models.data?.items ?? [], project.data?.settings as Json | undefined)
  const text = chatCurl({ projectId, model: chosen.kind === 'echo' ? `echo/${model}` : model, bearer: chosen.kind === 'own' ? '$OPENAI_API_KEY' : undefined })
  return (
    <Paper p="lg">
      <Stack gap="sm">
        <Group justify="space-between">
          <Title order={2}>Send a request</Title>
          <Text size="sm" c="dimmed">
            {chosen.kind === 'echo' ? 'The built-in echo answers' : chosen.kind === 'own' ? 'With your app’s own key' : `${nameOfVendor(chosen.provider.name)} answers, with your stored key`} ·{' '}
            <Anchor component="button" type="button" size="sm" onClick={onChange}>
              change
            </Anchor>
          </Text>
        </Group>
        <Code text={text} label="Request to paste into a terminal" copy="Copy" />
        <Text size="sm" c="dimmed">
          Paste it into a terminal. Then again, until the limit is used up: you see here what your user sees.
        </Text>
      </Stack>
    </Paper>
  )
}

interface ListedModel {
  model: string
  provider: string | null
}

/** modelFor returns a model that the project allows and the provider serves; of these one with a limit of its own, so that it is soon reached. */
export function modelFor(chosen: Choice, models: readonly ListedModel[], settings: Json | undefined): string {
  const served = chosen.kind === 'stored' ? models.filter((m) => m.provider === chosen.provider.name) : models.filter((m) => m.provider === 'openai')
  const tier = at(settings, ['defaultTier'])
  const limited = Object.keys((at(settings, typeof tier === 'string' ? ['tiers', tier, 'modelLimits'] : ['modelLimits']) ?? {}) as object)
  return (served.find((m) => limited.includes(m.model)) ?? served[0] ?? { model: 'gpt-4o' }).model
}
