// JupyterLab's plugins: what is loaded at each start is only here. What draws is loaded when it is needed.

import { files } from "./files/plugin";
import { trainings } from "./trainings/plugin";

export default [files, trainings];
