// Everything, one file after the other, against one demo.

import { after } from 'node:test';
import { stop } from './support.mjs';

await import('./people.mjs');
await import('./sign_in.mjs');
await import('./sign_out.mjs');
await import('./hostile.mjs');
await import('./looks.mjs');

after(stop);
