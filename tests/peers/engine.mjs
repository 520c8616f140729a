// A real engine with real weights behind an OpenAI-compatible API: engine.mjs MODEL PORT
import path from 'node:path'
import { InferenceServer, createExpressServer } from 'inference-server'

const [model, port] = process.argv.slice(2)
const server = new InferenceServer({
	concurrency: 1,
	modelsCachePath: path.dirname(model),
	models: {
		tinychat: {
			task: 'text-completion', engine: 'node-llama-cpp',
			url: `file://${model}`, location: model, contextSize: 1024, minInstances: 1,
			device: { gpu: false, cpuThreads: 1 },
		},
	},
})
await server.start()
createExpressServer(server).listen(Number(port), '127.0.0.1', () => {
	console.log(JSON.stringify({ event: 'ready' }))
})
