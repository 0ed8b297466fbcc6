package api

import (
	"context"

	"github.com/airatelimit/airatelimit/internal/project"
)

type exposureInput struct{ InProject }

func (c *control) exposure(ctx context.Context, _ *exposureInput) (*answer[project.Exposure], error) {
	return show(projectOf(ctx).Exposure())
}

const (
	explainedExample = `{"tier": {"name": "free", "from": "request"}, "model": "gpt-4o", "matched": "gpt-4o", "provider": "openai", "priced": true, ` +
		`"decision": "refused", "code": "limit_exceeded", "status": 429, "message": "You've used 5 of 5 today.", "unlimitedUntil": null, ` +
		`"limits": [{"metric": "requests", "period": "daily", "level": "tier", "path": "tiers.free.modelLimits.gpt-4o.requestLimit", ` +
		`"limit": 5, "used": 5, "held": 0, "remaining": 0, "credits": 0, "resetsAt": "2026-11-23T00:00:00Z", ` +
		`"pool": {"covers": "model", "key": "gpt-4o", "models": ["gpt-4o"]}, ` +
		`"chain": [{"level": "tier", "path": "tiers.free.modelLimits.gpt-4o.requestLimit", "value": 5}, ` +
		`{"level": "project", "path": "modelLimits.gpt-4o.requestLimit", "value": null}, ` +
		`{"level": "tier", "path": "tiers.free.requestLimit", "value": 20}, {"level": "project", "path": "requestLimit", "value": null}]}], ` +
		`"burst": {"limit": 60, "remaining": 58, "level": "project", "path": "requestsPerMinute", "chain": [{"level": "project", "path": "requestsPerMinute", "value": 60}]}, ` +
		`"concurrency": {"limit": null, "running": 0, "level": null, "path": null, "chain": [{"level": "project", "path": "concurrentRequests", "value": null}]}, ` +
		`"notInForce": [{"level": "tier", "path": "tiers.free.requestLimit", "value": 20, "text": "tiers.free.modelLimits.gpt-4o.requestLimit comes first."}]}`

	previewExample = `{"openai": {"status": 429, "headers": {"content-type": "application/json", "x-should-retry": "false"}, ` +
		`"body": {"error": {"message": "You've used 5 of 5 today.", "type": "rate_limit_exceeded", "param": null, "code": "limit_exceeded"}}}, ` +
		`"anthropic": {"status": 429, "headers": {"content-type": "application/json"}, "body": {"type": "error", "error": {"message": "You've used 5 of 5 today.", "type": "rate_limit_error", "code": "limit_exceeded"}}}, ` +
		`"gemini": {"status": 429, "headers": {"content-type": "application/json"}, "body": {"error": {"code": 429, "message": "You've used 5 of 5 today.", "status": "RESOURCE_EXHAUSTED"}}}, ` +
		`"unknownVariables": [], "warnings": []}`

	exposureExample = `{"perIdentityUsdPerDay": 1, "tenThousandIdentitiesUsdPerDay": 10000, "unbounded": [], ` +
		`"advice": [{"path": "trustTierHeader", "value": false, "text": "Take tiers from your server alone. One identity then can spend $0.05 a day at most, not $1."}]}`
)
