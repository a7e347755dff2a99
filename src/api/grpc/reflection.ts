import { type DescFile, type DescService, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import type { Server } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';

type PackageDefinition = ConstructorParameters<typeof ReflectionService>[0];

const withDependencies = (file: DescFile): DescFile[] => [
  ...file.dependencies.flatMap(withDependencies),
  file,
];

/** Lets tools like grpcurl ask what there is to call. */
export const serveReflection = (server: Server, services: readonly DescService[]): void => {
  const files = new Set(services.flatMap(({ file }) => withDependencies(file)));
  const fileDescriptorProtos = [...files].map(({ proto }) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, proto)),
  );
  // Of the definition the library reads nothing but these.
  const definition = { files: { fileDescriptorProtos } } as unknown as PackageDefinition;
  new ReflectionService(definition, {
    services: services.map(({ typeName }) => typeName),
  }).addToServer(server);
};
