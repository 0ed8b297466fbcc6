import { Button, Group, Paper, SimpleGrid, Skeleton, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { api, http } from '../../api/client'
import { amount, exactAmount, type Metric } from '../../format/number'
import { dayUTC, periodWord } from '../../format/time'
import { Chart } from '../../ui/Chart'
import { Confirm } from '../../ui/Confirm'
import { Meter } from '../../ui/Meter'
import { done } from '../../ui/notify'
import { Time } from '../../ui/Time'
import { View } from '../../ui/View'
import { changedUser } from './UserDrawer'

/** UserUsage shows what a user has used of its limits, and its days. */
export function UserUsage({ projectId, user, mayChange }: { projectId: string; user: string; mayChange: boolean }) {
  const path = { projectId, identity: user }
  const usage = api.useQuery('get', '/api/projects/{projectId}/identities/{identity}/usage', { params: { path } })
  const history = api.useQuery('get', '/api/projects/{projectId}/identities/{identity}/history', { params: { path, query: { split: 'model' } } })
  const [resetting, setResetting] = useState(false)
  const metric: Metric = 'requests'
  return (
    <Stack>
      <View query={usage}>
        {(data) => (
          <Stack gap="sm">
            <SimpleGrid cols={3}>
              {(['requests', 'tokens', 'costUsd'] as const).map((m) => (
                <Paper key={m} p="sm">
                  <Text size="xs" c="dimmed">
                    {{ requests: 'Requests', tokens: 'Tokens', costUsd: 'Cost' }[m]}
                  </Text>
                  <Text fw={600} className="num">
                    {amount(m, data.usage[m])}
                  </Text>
                </Paper>
              ))}
            </SimpleGrid>
            <Text size="sm" c="dimmed">
              This {periodWord[data.period]}, which ends <Time at={data.resetsAt} />.
            </Text>
            {data.limits.map((limit) => (
              <div key={`${limit.metric} ${limit.model ?? ''}`}>
                <Group justify="space-between" gap="xs">
                  <Text size="sm" className="break">
                    {limit.metric === 'costUsd' ? 'cost' : limit.metric}
                    {limit.model ? ` of ${limit.model}` : ''}
                  </Text>
                  <Text size="sm" className="num">
                    {limit.limit === 0 ? 'Blocked' : `${exactAmount(limit.metric, limit.used)} of ${exactAmount(limit.metric, limit.limit)}`}
                  </Text>
                </Group>
                <Meter part={limit.limit > 0 ? limit.used / limit.limit : 1} />
              </div>
            ))}
          </Stack>
        )}
      </View>
      <View query={history} skeleton={<Skeleton height={240} />}>
        {(data) => (
          <Chart
            title="Requests by model, 30 days"
            keys={data.keys}
            buckets={data.buckets.map((b) => ({ at: b.at, values: b.values.map((v) => v[metric]) }))}
            write={(n) => amount(metric, n)}
            writeAt={(at) => `${dayUTC(at)} UTC`}
            writeEdge={dayUTC}
            nameOf={(key) => key || 'no model'}
          />
        )}
      </View>
      {mayChange && (
        <Group>
          <Button size="xs" variant="default" onClick={() => setResetting(true)}>
            Reset this period’s usage
          </Button>
        </Group>
      )}
      <Confirm
        opened={resetting}
        onClose={() => setResetting(false)}
        title="Reset this period’s usage?"
        action="Reset"
        withReason
        run={async (reason) => {
          await http.POST('/api/projects/{projectId}/identities/{identity}/reset', { params: { path }, body: { resetRequests: true, resetTokens: true, ...(reason ? { reason } : {}) } })
          await changedUser(projectId)
          done('The user begins anew. The history stays.')
        }}
      >
        Limits count from zero again for this user until the period ends. Reports and the history keep what was used.
      </Confirm>
    </Stack>
  )
}
