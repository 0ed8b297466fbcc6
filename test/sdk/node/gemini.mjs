import { ApiError, GoogleGenAI } from "@google/genai";

// ask returns what to show the user: the answer, or why there is none today.
export async function ask(server, projectKey, user, question) {
  const client = new GoogleGenAI({
    apiKey: projectKey,
    apiVersion: "v1beta",
    httpOptions: { baseUrl: server, headers: { "x-identity": user } },
  });
  try {
    const stream = await client.models.generateContentStream({
      model: "gemini-2.5-flash",
      contents: question,
    });
    let answer = "";
    for await (const chunk of stream) {
      answer += chunk.text ?? "";
    }
    return answer;
  } catch (error) {
    if (error instanceof ApiError && error.status === 429) {
      // The SDK keeps the whole body as its message.
      const { message, details } = JSON.parse(error.message).error;
      const info = details.find((detail) => detail.reason === "LIMIT_EXCEEDED");
      if (info) return `${message} ${info.metadata.deepLink ?? ""}`;
    }
    throw error;
  }
}
