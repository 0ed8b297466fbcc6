import { Button, Group, Stack, Text } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { api, type Schemas } from '../../api/client'
import { money } from '../../format/number'
import { useMayChange } from '../../session/me'
import { addToDraft } from '../../settings/draft'
import type { Json } from '../../settings/patch'
import { patchOf, splitPath } from '../../settings/path'
import { Card } from '../../ui/Card'
import { Icon } from '../../ui/Icon'
import { View } from '../../ui/View'

/** ExposureCard says what somebody could spend with the public key in a day, and what would make it less. */
export function ExposureCard({ projectId }: { projectId: string }) {
  const exposure = api.useQuery('get', '/api/projects/{projectId}/exposure', { params: { path: { projectId } } })
  return (
    <Card title="If somebody takes your public key">
      <View query={exposure}>{(data) => <Exposure projectId={projectId} exposure={data} />}</View>
    </Card>
  )
}

export function Exposure({ projectId, exposure }: { projectId: string; exposure: Schemas['Exposure'] }) {
  const project = api.useQuery('get', '/api/projects/{projectId}', { params: { path: { projectId } } })
  const mayChange = useMayChange(projectId)
  const navigate = useNavigate()
  const applyAdvice = (advice: Schemas['Advice']) => {
    const { version, settings } = project.data!
    addToDraft(projectId, version, patchOf(splitPath(settings as Json, advice.path), advice.value as Json))
    void navigate({ to: '/p/$projectId/limits', params: { projectId } })
  }
  const one = exposure.perIdentityUsdPerDay
  const many = exposure.tenThousandIdentitiesUsdPerDay
  return (
    <Stack gap="sm">
      <Text size="sm">
        {one === null ? (
          <b className="bad">Nothing bounds what it could cost.</b>
        ) : (
          <>
            One user that somebody makes up could spend <b className="num">{money(one)}</b> a day{many === null ? '' : <>, ten thousand of them <b className="num">{money(many)}</b></>}.
          </>
        )}
      </Text>
      {exposure.unbounded.map((item) => (
        <Group key={item.path + item.text} gap={8} wrap="nowrap" align="flex-start">
          <span className="bad">
            <Icon name="warn" size={16} />
          </span>
          <Text size="sm" className="break">
            {item.text}
          </Text>
        </Group>
      ))}
      {exposure.advice.map((advice) => (
        <Group key={advice.path} justify="space-between" gap="xs" align="flex-start">
          <Text size="sm" className="break" style={{ flex: '1 1 240px' }}>
            {advice.text}
          </Text>
          {mayChange && (
            <Button size="compact-sm" variant="default" style={{ flex: 'none' }} disabled={!project.data} onClick={() => applyAdvice(advice)} aria-label={`Apply as a draft: ${advice.path}`}>
              Apply as a draft
            </Button>
          )}
        </Group>
      ))}
    </Stack>
  )
}
