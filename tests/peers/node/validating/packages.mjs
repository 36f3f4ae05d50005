// The pinned packages lie where `make node-peers` put them, not beside this file: the environment names the folder.

import { createRequire } from 'node:module';
import { resolve } from 'node:path';

export const packages = createRequire(resolve(process.env.MARROWCOUNT_NODE_PEERS ?? '.peers/node', 'package.json'));
