import { Paper, SimpleGrid, Text, Tooltip } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Schemas } from '../../api/client'
import { change, compact, exact, percent } from '../../format/number'
import { exactTime } from '../../format/time'
import { Spark } from '../../ui/Chart'
import { Figure } from '../../ui/Figure'

/** Percentages of fewer requests than these say nothing. */
const enough = 20

/** Stats shows the figures of the range beside those of as many hours before. */
export function Stats({ figures, rangeText }: { figures: Schemas['Overview']; rangeText: string }) {
  const { now, before, spark } = figures
  const tells = now.requests + before.requests >= enough
  const compared = `Compared to the ${rangeText} before: ${exactTime(figures.comparedTo.from)} to ${exactTime(figures.comparedTo.to)}`
  const asked = now.requests + now.refused
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, lg: 5 }}>
      <Stat label="Requests" value={<Figure metric="requests" value={now.requests} />} change={change(now.requests, before.requests, tells)} compared={compared} spark={spark.requests} />
      <Stat label="Tokens" value={<Figure metric="tokens" value={now.tokens} />} change={change(now.tokens, before.tokens, tells)} compared={compared} spark={spark.tokens} />
      <Stat label="Cost" value={<Figure metric="costUsd" value={now.costUsd} />} change={change(now.costUsd, before.costUsd, tells)} compared={compared} spark={spark.costUsd} />
      <Stat label="Refused" value={<Figure metric="refused" value={now.refused} />} beside={asked >= enough ? percent(now.refused / asked) : null} change={change(now.refused, before.refused, tells && before.refused >= 5)} compared={compared} spark={spark.refused} />
      <Stat label="Active users" value={<span className="num">{compact(now.activeIdentities)}</span>} beside={now.newIdentities > 0 ? `+${exact(now.newIdentities)} new` : null} change={change(now.activeIdentities, before.activeIdentities, before.activeIdentities >= 5)} compared={compared} />
    </SimpleGrid>
  )
}

function Stat({ label, value, beside, change, compared, spark }: { label: string; value: ReactNode; beside?: string | null; change: string | null; compared: string; spark?: number[] }) {
  return (
    <Paper p="sm" className="stat">
      <Text size="sm" c="dimmed">
        {label}
      </Text>
      <div style={{ display: 'flex', alignItems: 'baseline', gap: 8, flexWrap: 'wrap' }}>
        <span className="stat-value">{value}</span>
        {beside && (
          <Text span size="sm" c="dimmed" className="num">
            {beside}
          </Text>
        )}
      </div>
      <Tooltip label={compared} openDelay={200} multiline maw={320}>
        <Text size="xs" c="dimmed" className="num" mih={18}>
          {change ?? ' '}
        </Text>
      </Tooltip>
      {spark && <Spark values={spark} />}
    </Paper>
  )
}
