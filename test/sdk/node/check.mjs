// Runs the three SDKs against a server that allows each identity two requests: an answer as a
// whole, one as a stream, and a refusal, each with one request on the wire. What is checked is
// what the echo provider says. Usage: node check.mjs SERVER PROJECT_KEY
import assert from "node:assert/strict";
import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import * as openai from "./openai.mjs";
import * as anthropic from "./anthropic.mjs";
import * as gemini from "./gemini.mjs";

const [server, projectKey] = process.argv.slice(2);
let requests = 0;
const wire = globalThis.fetch;
globalThis.fetch = (...args) => {
  requests++;
  return wire(...args);
};

// Each returns the text and the tokens of one answer that is not streamed.
const whole = {
  async openai(user) {
    const client = new OpenAI({ baseURL: `${server}/v1`, apiKey: projectKey, defaultHeaders: { "x-identity": user } });
    const answer = await client.chat.completions.create({ model: "gpt-4o", messages: [{ role: "user", content: "hello there" }] });
    return [answer.choices[0].message.content, answer.usage.total_tokens];
  },
  async anthropic(user) {
    const client = new Anthropic({ baseURL: server, apiKey: projectKey, authToken: null, defaultHeaders: { "x-identity": user } });
    const answer = await client.messages.create({ model: "claude-sonnet-5", max_tokens: 99, messages: [{ role: "user", content: "hello there" }] });
    return [answer.content[0].text, answer.usage.input_tokens + answer.usage.output_tokens];
  },
  async gemini(user) {
    const client = new GoogleGenAI({ apiKey: projectKey, apiVersion: "v1beta", httpOptions: { baseUrl: server, headers: { "x-identity": user } } });
    const answer = await client.models.generateContent({ model: "gemini-2.5-flash", contents: "hello there" });
    return [answer.text, answer.usageMetadata.totalTokenCount];
  },
};

// Each returns the names of all models, read by pages where the SDK has them, and that of one.
const models = {
  async openai(user) {
    const client = new OpenAI({ baseURL: `${server}/v1`, apiKey: projectKey, defaultHeaders: { "x-identity": user } });
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    return [names, (await client.models.retrieve("gpt-4o")).id];
  },
  async anthropic(user) {
    const client = new Anthropic({ baseURL: server, apiKey: projectKey, authToken: null, defaultHeaders: { "x-identity": user } });
    const names = [];
    for await (const model of client.models.list({ limit: 10 })) names.push(model.id);
    return [names, (await client.models.retrieve("claude-sonnet-4-5")).id];
  },
  async gemini(user) {
    const client = new GoogleGenAI({ apiKey: projectKey, apiVersion: "v1beta", httpOptions: { baseUrl: server, headers: { "x-identity": user } } });
    const names = [];
    for await (const model of await client.models.list({ config: { pageSize: 5 } })) names.push(model.name);
    return [names, (await client.models.get({ model: "gemini-2.5-flash" })).name];
  },
};

for (const [name, { ask }] of Object.entries({ openai, anthropic, gemini })) {
  const user = `node-${name}`;
  requests = 0;
  assert.deepEqual(await whole[name](user), ["echo: hello there", 5], `${name}: whole`);
  assert.equal(await ask(server, projectKey, user, "hello there"), "echo: hello there", `${name}: streamed`);
  assert.equal(requests, 2, `${name}: requests for two answers`);

  const usage = await (await wire(`${server}/v1/usage`, { headers: { "x-project-key": projectKey, "x-identity": user } })).json();
  assert.deepEqual([usage.usage.requests, usage.usage.tokens], [2, 10], `${name}: usage`);

  const [names, one] = await models[name](user);
  assert.ok(names.length > 5 && names.includes(one), `${name}: ${one} is not among ${names.length} models`);
  assert.equal(new Set(names).size, names.length, `${name}: a model is listed twice`);

  requests = 0;
  const begin = performance.now();
  assert.equal(await ask(server, projectKey, user, "hello there"), "You've used 2/2 free requests. app://upgrade", `${name}: refused`);
  assert.equal(requests, 1, `${name}: requests for a refusal`);
  assert.ok(performance.now() - begin < 1000, `${name}: the refusal came late`);

  const missing = await ask(server, "pk_0000000000000000000000", user, "hello there").catch((error) => error);
  assert.equal(missing.status, 401, `${name}: an unknown project key`);
  console.log(`${name}: ok`);
}
