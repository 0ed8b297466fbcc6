import OpenAI from "openai";

// ask returns what to show the user: the answer, or why there is none today.
export async function ask(server, projectKey, user, question) {
  const client = new OpenAI({
    baseURL: `${server}/v1`,
    apiKey: projectKey,
    defaultHeaders: { "x-identity": user },
  });
  try {
    const stream = await client.chat.completions.create({
      model: "gpt-4o",
      messages: [{ role: "user", content: question }],
      stream: true,
    });
    let answer = "";
    for await (const chunk of stream) {
      answer += chunk.choices[0]?.delta?.content ?? "";
    }
    return answer;
  } catch (error) {
    if (error instanceof OpenAI.APIError && error.code === "limit_exceeded") {
      return `${error.error.message} ${error.error.deepLink ?? ""}`;
    }
    throw error;
  }
}
